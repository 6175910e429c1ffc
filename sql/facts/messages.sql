-- A row is an outbound message with its state, at its cohort time. One that only a status tells of (`known` = 0) counts as
-- an orphan and nowhere else. Times are milliseconds since the epoch; 0 is "never".
CREATE OR REPLACE VIEW fact_messages AS
SELECT
    channel, account, contact, operator, team, segments, campaign, scenario, source, message_kind, author_kind,
    at, dialog_key, chat_key, message_key, chat, message, known, assisted, accepted_ms, sent_ms, failed_ms, read_ms,
    delivered_ms, failure_reason,
    (channel, account) IN
    (
        SELECT (channel, account) FROM reporting_accounts WHERE tenant = {tenant:String}
    ) AS reports,
    taken OR delivered_ms > 0 AS accepted,
    told_failed AND delivered_ms = 0 AS failed,
    told_failed AND delivered_ms > 0 AS failed_after_delivered
FROM derived_messages FINAL
WHERE tenant = {tenant:String}
    AND day >= toDate32(fromUnixTimestamp64Milli({from:Int64}, 'UTC'))
    AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    AND at >= {from:Int64}
    AND at < {to:Int64}
    AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
