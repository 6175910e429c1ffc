-- A row is an outbound message that the channel accepted, and whether its contact wrote, clicked, pressed a button or
-- reacted in the same chat within 24 hours after it.
CREATE OR REPLACE VIEW fact_engagements AS
WITH
    accepted AS
    (
        SELECT
            if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key, chat_key, message_key, chat, message,
            channel, account, contact, operator, team, segments, campaign, scenario, source, message_kind,
            if(author = '', 'UNKNOWN', author) AS author_kind,
            toUnixTimestamp64Milli(ifNull(coalesce(sent_at, accepted_at, failed_at), toDateTime64(0, 3, 'UTC'))) AS at
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND isNull(received_at)
            AND message_kind != 'note'
            AND (isNotNull(coalesce(sent_at, accepted_at)) OR (isNotNull(failed_at) AND isNotNull(coalesce(delivered_at, read_at))))
            AND at >= {from:Int64}
            AND at < {to:Int64}
            AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
    ),
    signs AS
    (
        SELECT chat_key, toUnixTimestamp64Milli(at) AS sign_ms
        FROM engagements
        WHERE tenant = {tenant:String}
            AND sign_ms > {from:Int64}
            AND sign_ms <= {to:Int64} + 86400000
    )
SELECT
    channel, account, contact, operator, team, segments, campaign, scenario, source, message_kind, author_kind, at,
    dialog_key, a.chat_key AS chat_key, message_key, chat, message,
    sign_ms > 0 AND sign_ms <= at + 86400000 AS engaged
FROM accepted AS a
ASOF LEFT JOIN signs AS s ON a.chat_key = s.chat_key AND a.at < s.sign_ms
