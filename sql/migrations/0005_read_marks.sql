-- Watermarks: everything up to a message number was read (VK), or, without a number, everything delivered
-- before the mark (Viber).
CREATE TABLE IF NOT EXISTS read_marks
(
    tenant LowCardinality(String),
    chat_key UInt64,
    number Nullable(UInt64),
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, chat_key, at, isNull(number), ifNull(number, 0))
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
