CREATE MATERIALIZED VIEW IF NOT EXISTS stale_threads_feed TO stale_threads AS
SELECT
    tenant,
    if(chat != '' OR dialog = '', sipHash64(channel, account, chat), sipHash64(dialog)) AS thread_key,
    toInt64(count()) AS marks
FROM arrivals
WHERE kind IN ('message.received', 'message.accepted', 'message.sent', 'message.failed', 'message.delivered', 'message.read',
    'message.clicked', 'message.button_pressed', 'message.reacted', 'read.watermark',
    'dialog.opened', 'dialog.assigned', 'dialog.handed_off', 'dialog.closed')
GROUP BY tenant, thread_key
