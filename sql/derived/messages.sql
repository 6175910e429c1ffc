-- Into `derived_messages`: what became of each outbound message. It stands at its cohort time: sent, else accepted, else
-- failed. One that only a status tells of (`known` = 0) stands at its earliest status. Inbound messages are in
-- `derived_clients`; private notes are messages to nobody.
    states AS
    (
        SELECT
            *,
            if(sent_ms > 0, sent_ms, if(accepted_ms > 0, accepted_ms, failed_ms)) AS known_at,
            if(delivered_ms > 0 AND read_ms > 0, least(delivered_ms, read_ms), greatest(delivered_ms, read_ms)) AS status_at,
            if(known_at > 0, known_at, status_at) AS at,
            -- A join key cannot be null; the highest mark there is must not reach ids that are no numbers.
            ifNull(toUInt64OrNull(message), toUInt64(-1)) AS message_number,
            isNotNull(toUInt64OrNull(message)) AS numbered,
            if(delivered_ms = 0, toInt64(9223372036854775807), delivered_ms) AS delivered_or_never
        FROM deriving_messages
        WHERE received_ms = 0
    ),
    -- For each number, the earliest arrival of this mark or a higher one.
    number_marks AS
    (
        SELECT
            chat_key AS numbered_chat,
            assumeNotNull(number) AS mark_number,
            min(toUnixTimestamp64Milli(at)) OVER (PARTITION BY chat_key ORDER BY number DESC) AS number_mark_ms
        FROM read_marks
        WHERE tenant = of_tenant AND chat_key IN (SELECT thread_key FROM deriving_chats) AND isNotNull(number)
    ),
    time_marks AS
    (
        SELECT chat_key AS timed_chat, toUnixTimestamp64Milli(at) AS time_mark_ms
        FROM read_marks
        WHERE tenant = of_tenant AND chat_key IN (SELECT thread_key FROM deriving_chats) AND isNull(number)
    ),
    signs AS
    (
        SELECT chat_key AS signed_chat, toUnixTimestamp64Milli(at) AS sign_ms
        FROM engagements
        WHERE tenant = of_tenant AND chat_key IN (SELECT thread_key FROM deriving_chats)
    ),
    told AS
    (
        SELECT
            *,
            least(
                if(read_ms = 0, toInt64(9223372036854775807), read_ms),
                if(number_mark_ms = 0 OR NOT numbered, toInt64(9223372036854775807), number_mark_ms),
                if(time_mark_ms = 0, toInt64(9223372036854775807), time_mark_ms)) AS read_or_never
        FROM states AS s
        ASOF LEFT JOIN number_marks AS n ON s.chat_key = n.numbered_chat AND s.message_number <= n.mark_number
        ASOF LEFT JOIN time_marks AS t ON s.chat_key = t.timed_chat AND s.delivered_or_never < t.time_mark_ms
        ASOF LEFT JOIN signs AS e ON s.chat_key = e.signed_chat AND s.at < e.sign_ms
    ),
    fresh AS
    (
        SELECT
            toDate32(fromUnixTimestamp64Milli(told.at, 'UTC')) AS day,
            dialog_key, chat_key, message_key, told.at AS at, chat, message, channel, account, contact, operator, team, segments, campaign,
            scenario, source, message_kind,
            if(author = '', 'UNKNOWN', author) AS author_kind,
            assisted,
            told.known_at > 0 AS known,
            told.accepted_ms > 0 OR told.sent_ms > 0 AS taken,
            told.delivered_ms > 0 OR told.read_ms > 0 AS told_reached,
            sign_ms > 0 AND sign_ms <= told.at + 86400000 AS engaged,
            told.failed_ms > 0 AS told_failed,
            told.accepted_ms AS accepted_ms, told.sent_ms AS sent_ms, told.failed_ms AS failed_ms,
            -- A read message was delivered, whether or not anybody said so.
            if(told.delivered_ms = 0, seen_ms, told.delivered_ms) AS delivered_ms,
            if(read_or_never = 9223372036854775807, toInt64(0), read_or_never) AS seen_ms,
            failure_reason
        FROM told
    )
