-- A row is an outbound message with its state, at its cohort time: sent, else accepted, else failed. A message that
-- only a status tells of (`known` = 0) stands at its earliest status: it counts as an orphan and nowhere else.
-- Private notes are messages to nobody and stay out. Times are milliseconds since the epoch; 0 is "never".
-- The states are named once below: the engine puts a name's whole text wherever the name stands, and reading the states
-- twice to spare the chats without marks the joins costs twice as much as the joins.
CREATE OR REPLACE VIEW fact_messages AS
WITH
    states AS
    (
        SELECT
            if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key, chat_key, message_key, chat, message,
            channel, account, contact, operator, team, segments, campaign, scenario, source, message_kind,
            if(author = '', 'UNKNOWN', author) AS author_kind,
            failure_reason,
            coalesce(sent_at, accepted_at, failed_at) AS known_at,
            least(ifNull(delivered_at, read_at), ifNull(read_at, delivered_at)) AS status_at,
            isNotNull(known_at) AS known,
            isNotNull(coalesce(sent_at, accepted_at)) AS taken,
            toUnixTimestamp64Milli(ifNull(coalesce(known_at, status_at), toDateTime64(0, 3, 'UTC'))) AS at,
            toUnixTimestamp64Milli(ifNull(accepted_at, toDateTime64(0, 3, 'UTC'))) AS accepted_ms,
            toUnixTimestamp64Milli(ifNull(sent_at, toDateTime64(0, 3, 'UTC'))) AS sent_ms,
            toUnixTimestamp64Milli(ifNull(failed_at, toDateTime64(0, 3, 'UTC'))) AS failed_ms,
            assisted,
            toUnixTimestamp64Milli(ifNull(delivered_at, toDateTime64(0, 3, 'UTC'))) AS told_delivered_ms,
            toUnixTimestamp64Milli(ifNull(read_at, toDateTime64(0, 3, 'UTC'))) AS told_read_ms,
            isNotNull(failed_at) AS told_failed,
            (channel, account) IN
            (
                SELECT (channel, account) FROM reporting_accounts WHERE tenant = {tenant:String}
            ) AS reports,
            -- A join key cannot be null; the highest mark there is must not reach ids that are no numbers.
            ifNull(toUInt64OrNull(message), toUInt64(-1)) AS message_number,
            isNotNull(toUInt64OrNull(message)) AS numbered,
            if(told_delivered_ms = 0, toInt64(9223372036854775807), told_delivered_ms) AS delivered_or_never
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND isNull(received_at)
            AND message_kind != 'note'
            AND at >= {from:Int64}
            AND at < {to:Int64}
            AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
    ),
    -- For each number, the earliest arrival of this mark or a higher one.
    number_marks AS
    (
        SELECT
            chat_key,
            assumeNotNull(number) AS mark_number,
            min(toUnixTimestamp64Milli(at)) OVER (PARTITION BY chat_key ORDER BY number DESC) AS number_mark_ms
        FROM read_marks
        WHERE tenant = {tenant:String} AND isNotNull(number)
    ),
    time_marks AS
    (
        SELECT chat_key, toUnixTimestamp64Milli(at) AS time_mark_ms
        FROM read_marks
        WHERE tenant = {tenant:String} AND isNull(number)
    )
SELECT
    channel, account, contact, operator, team, segments, campaign, scenario, source, message_kind, author_kind,
    at, dialog_key, s.chat_key AS chat_key, message_key, chat, message, known, reports, assisted,
    accepted_ms, sent_ms, failed_ms,
    least(
        if(told_read_ms = 0, toInt64(9223372036854775807), told_read_ms),
        if(number_mark_ms = 0 OR NOT numbered, toInt64(9223372036854775807), number_mark_ms),
        if(time_mark_ms = 0, toInt64(9223372036854775807), time_mark_ms)) AS read_or_never,
    if(read_or_never = 9223372036854775807, toInt64(0), read_or_never) AS read_ms,
    -- A read message was delivered, whether or not anybody said so.
    if(told_delivered_ms = 0, read_ms, told_delivered_ms) AS delivered_ms,
    taken OR delivered_ms > 0 AS accepted,
    told_failed AND delivered_ms = 0 AS failed,
    told_failed AND delivered_ms > 0 AS failed_after_delivered,
    failure_reason
FROM states AS s
ASOF LEFT JOIN number_marks AS n ON s.chat_key = n.chat_key AND s.message_number <= n.mark_number
ASOF LEFT JOIN time_marks AS t ON s.chat_key = t.chat_key AND s.delivered_or_never < t.time_mark_ms
