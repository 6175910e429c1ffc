-- How far the histories of CRMs were read: the largest position counts, so that a row written twice or late changes nothing.
CREATE TABLE IF NOT EXISTS history_positions
(
    tenant LowCardinality(String),
    connection LowCardinality(String),
    history LowCardinality(String),
    position SimpleAggregateFunction(max, UInt64),
    read_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, connection, history)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
