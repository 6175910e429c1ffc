-- A row is an outbound message that the channel accepted, and whether its contact wrote, clicked, pressed a button or
-- reacted in the same chat within 24 hours after it.
CREATE OR REPLACE VIEW fact_engagements AS
SELECT
    channel, account, contact, operator, team, segments, campaign, scenario, source, message_kind, author_kind, at,
    dialog_key, chat_key, message_key, chat, message, engaged
FROM derived_messages FINAL
WHERE tenant = {tenant:String}
    AND day >= toDate32(fromUnixTimestamp64Milli({from:Int64}, 'UTC'))
    AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    AND at >= {from:Int64}
    AND at < {to:Int64}
    AND (taken OR (told_failed AND told_reached))
    AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
