CREATE MATERIALIZED VIEW IF NOT EXISTS read_marks_feed TO read_marks AS
SELECT
    tenant,
    sipHash64(channel, account, chat) AS chat_key,
    toUInt64OrNull(message) AS number,
    at
FROM inbox
WHERE kind = 'read.watermark'
