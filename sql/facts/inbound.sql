-- A row is a client message: what `fact_client_messages` says of it but for its turn and its owner, which need whole
-- dialogs. The compiler takes this view when nobody asks for either.
CREATE OR REPLACE VIEW fact_inbound AS
SELECT
    channel, account, contact, segments, campaign, scenario, source, message_kind,
    'CLIENT' AS author_kind,
    if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key, chat_key, message_key, chat, message,
    toUnixTimestamp64Milli(assumeNotNull(received_at)) AS at
FROM messages FINAL
WHERE tenant = {tenant:String}
    AND isNotNull(received_at)
    AND message_kind != 'note'
    AND received_at >= fromUnixTimestamp64Milli({from:Int64})
    AND received_at < fromUnixTimestamp64Milli({to:Int64})
    -- Whose a message is cannot be told here, so this view answers only those who see everything.
    AND {everyone:UInt8} = 1
    AND empty({operators:Array(String)})
    AND empty({teams:Array(String)})
