-- When a contact did something in a chat: wrote, clicked, pressed a button, reacted.
CREATE TABLE IF NOT EXISTS engagements
(
    tenant LowCardinality(String),
    chat_key UInt64,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, chat_key, at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
