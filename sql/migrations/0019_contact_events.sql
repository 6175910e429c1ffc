-- Who left, came back, muted: what contacts told a channel. One row an event, at its earliest time.
CREATE TABLE IF NOT EXISTS contact_events
(
    tenant LowCardinality(String),
    contact String,
    channel LowCardinality(String),
    id String,
    at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    kind SimpleAggregateFunction(max, LowCardinality(String)),
    account SimpleAggregateFunction(max, LowCardinality(String)),
    segments SimpleAggregateFunction(groupUniqArrayArray, Array(String))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, contact, channel, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
