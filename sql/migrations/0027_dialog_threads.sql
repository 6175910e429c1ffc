-- The threads of a dialog: `threads` the other way round.
CREATE TABLE IF NOT EXISTS dialog_threads
(
    tenant LowCardinality(String),
    dialog_key UInt64,
    thread_key UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, dialog_key, thread_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
