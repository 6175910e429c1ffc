-- What is being erased now: names, keys of chats, ids of events. Emptied when the erasure is finished. Statements that erase name
-- rows by this table alone, because the engine keeps their text on disk.
CREATE TABLE IF NOT EXISTS erasing
(
    what LowCardinality(String),
    name String,
    key UInt64,
    other UInt64
)
ENGINE = MergeTree
ORDER BY (what, key, other, name)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
