-- What arrived before the table was there.
INSERT INTO ambiguous_failures (tenant, chat_key, message_key)
SELECT tenant, sipHash64(channel, account, chat) AS chat_key, sipHash64(message) AS message_key
FROM events
WHERE kind = 'message.failed' AND channel = 'WHATSAPP' AND failure_code = '131026'
