CREATE MATERIALIZED VIEW IF NOT EXISTS ambiguous_failures_feed TO ambiguous_failures AS
SELECT tenant, sipHash64(channel, account, chat) AS chat_key, sipHash64(message) AS message_key
FROM inbox
WHERE kind = 'message.failed' AND channel = 'WHATSAPP' AND failure_code = '131026'
