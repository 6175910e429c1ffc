-- What payloads named and did not tell: pending while `named_at` is later than `answered_to`, which is the latest naming
-- that an answer covers. A row of an answer has both, so that neither outlives the other. After 90 days nobody asks any more.
CREATE TABLE IF NOT EXISTS pending_lookups
(
    tenant LowCardinality(String),
    connection LowCardinality(String),
    lookup String,
    named_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    answered_to SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, connection, lookup)
TTL toDateTime(named_at) + INTERVAL 91 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
