-- A row is a client message, with its owner and whether it starts a turn. The owner is the operator who answers next in
-- the cycle, else the assignee at that time, else nobody.
SELECT
    channel, account, contact, segments, campaign, scenario, source, message_kind, author_kind,
    dialog_key, chat_key, message_key, chat, tie AS message, at, starts_turn,
    if(operator_reply.2 != '', operator_reply.2, assigned.1) AS operator,
    if(operator_reply.2 != '', operator_reply.3, assigned.2) AS team
FROM clients
WHERE {everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team)
