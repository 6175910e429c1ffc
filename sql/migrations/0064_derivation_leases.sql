-- Which process may derive, where several share a store: the highest number's holder, for as long as the program says.
-- A number is inserted with a token made of it, so that the first insert is the only one.
CREATE TABLE IF NOT EXISTS derivation_leases
(
    number UInt64,
    holder String,
    at DateTime64(3, 'UTC') MATERIALIZED now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY number
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
