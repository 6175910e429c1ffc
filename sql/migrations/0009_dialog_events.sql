-- What the source says of a dialog itself: opened, assigned, handed off, closed. One row an event, at its earliest time:
-- an event without a time of its own gets a later one when it is sent again.
CREATE TABLE IF NOT EXISTS dialog_events
(
    tenant LowCardinality(String),
    dialog_key UInt64,
    id String,
    at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    kind SimpleAggregateFunction(max, LowCardinality(String)),
    operator SimpleAggregateFunction(max, LowCardinality(String)),
    team SimpleAggregateFunction(max, LowCardinality(String))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, dialog_key, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
