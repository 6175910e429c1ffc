-- A row is a client message, with its owner and whether it starts a turn. The owner is the operator who answers next in
-- the cycle, else the assignee at that time, else nobody.
CREATE OR REPLACE VIEW fact_client_messages AS
SELECT
    channel, account, contact, segments, campaign, scenario, source, message_kind, 'CLIENT' AS author_kind,
    dialog_key, chat_key, message_key, chat, message, at, starts_turn,
    if(answerer != '', answerer, assignee) AS operator,
    if(answerer != '', answerer_team, assignee_team) AS team
FROM derived_clients FINAL
WHERE tenant = {tenant:String}
    AND day >= toDate32(fromUnixTimestamp64Milli({from:Int64}, 'UTC'))
    AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    AND at >= {from:Int64}
    AND at < {to:Int64}
    AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
