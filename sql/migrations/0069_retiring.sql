-- What is being removed now because it is older than its tenant lets it be kept: keys of chats, dialogs and names, ids of events.
-- Statements that remove rows name them by this table, tenant and key together. It is filled anew before each of them.
CREATE TABLE IF NOT EXISTS retiring
(
    tenant LowCardinality(String),
    what LowCardinality(String),
    name String,
    key UInt64
)
ENGINE = MergeTree
PARTITION BY tenant
ORDER BY (tenant, what, key, name)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
