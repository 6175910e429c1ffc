-- Into `derived_refusals`: sends that failed because the contact had left, each at its failure. What was delivered all the
-- same, and failures that can mean anything, tell nothing of the contact.
    fresh AS
    (
        SELECT
            toDate32(fromUnixTimestamp64Milli(failed_ms, 'UTC')) AS day,
            dialog_key, chat_key, message_key, failed_ms AS at, message, channel, account, chat, contact, segments
        FROM deriving_messages
        WHERE failed_ms > 0
            AND failure_reason = 'OPT_OUT'
            AND received_ms = 0
            AND delivered_ms = 0
            AND read_ms = 0
            AND (chat_key, message_key) NOT IN
            (
                SELECT chat_key, message_key
                FROM ambiguous_failures
                WHERE tenant = of_tenant AND chat_key IN (SELECT thread_key FROM deriving_chats)
            )
    )
