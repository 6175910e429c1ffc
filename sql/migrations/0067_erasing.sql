-- What is being erased now: names, keys of chats, ids of events, each with the erasure it is for. A partition for each erasure,
-- which goes when it is finished. Statements that erase name rows by this table alone, because the engine keeps their text
-- on disk.
CREATE TABLE IF NOT EXISTS erasing
(
    tenant LowCardinality(String),
    erasure String,
    what LowCardinality(String),
    name String,
    key UInt64,
    other UInt64,
    -- By the server's clock: what no erasure took up is removed when it is old.
    listed_at DateTime64(3, 'UTC') MATERIALIZED now64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY erasure
ORDER BY (tenant, erasure, what, key, other, name)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
