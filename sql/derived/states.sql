-- Into `deriving_messages`: the states of all messages of the dialogs.
SELECT
    if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key,
    chat_key, message_key, channel, account, chat, message, contact, dialog, operator, team, author, assisted, segments,
    campaign, scenario, source, message_kind, failure_reason,
    toUnixTimestamp64Milli(ifNull(received_at, toDateTime64(0, 3, 'UTC'))) AS received_ms,
    toUnixTimestamp64Milli(ifNull(accepted_at, toDateTime64(0, 3, 'UTC'))) AS accepted_ms,
    toUnixTimestamp64Milli(ifNull(sent_at, toDateTime64(0, 3, 'UTC'))) AS sent_ms,
    toUnixTimestamp64Milli(ifNull(delivered_at, toDateTime64(0, 3, 'UTC'))) AS delivered_ms,
    toUnixTimestamp64Milli(ifNull(read_at, toDateTime64(0, 3, 'UTC'))) AS read_ms,
    toUnixTimestamp64Milli(ifNull(failed_at, toDateTime64(0, 3, 'UTC'))) AS failed_ms
FROM messages FINAL
WHERE tenant = of_tenant
    AND chat_key IN (SELECT thread_key FROM deriving_chats)
    AND message_kind != 'note'
    AND dialog_key IN (SELECT dialog_key FROM deriving_dialogs)
