-- What the source says of a dialog itself: opened, assigned, handed off, closed.
CREATE TABLE IF NOT EXISTS dialog_events
(
    tenant LowCardinality(String),
    dialog_key UInt64,
    at DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    operator LowCardinality(String),
    team LowCardinality(String),
    id String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, dialog_key, at, kind, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
