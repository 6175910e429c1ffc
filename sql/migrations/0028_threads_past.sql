-- What arrived before the table was there.
INSERT INTO threads (tenant, dialog_key, thread_key, day)
SELECT DISTINCT
    tenant,
    if(dialog != '' AND kind NOT IN ('message.delivered', 'message.read'), sipHash64(dialog), sipHash64(channel, account, chat)) AS dialog_key,
    if(chat != '', sipHash64(channel, account, chat), dialog_key) AS thread_key,
    toDate32(at) AS day
FROM events
WHERE kind IN ('message.received', 'message.accepted', 'message.sent', 'message.failed', 'message.delivered', 'message.read',
    'dialog.opened', 'dialog.assigned', 'dialog.handed_off', 'dialog.closed')
