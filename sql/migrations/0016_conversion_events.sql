-- Conversions and their reversals. One row an event, at its earliest time.
CREATE TABLE IF NOT EXISTS conversion_events
(
    tenant LowCardinality(String),
    id String,
    at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    kind SimpleAggregateFunction(max, LowCardinality(String)),
    action SimpleAggregateFunction(max, LowCardinality(String)),
    value SimpleAggregateFunction(max, Nullable(Decimal(18, 4))),
    currency SimpleAggregateFunction(max, LowCardinality(String)),
    order_id SimpleAggregateFunction(max, String),
    contact SimpleAggregateFunction(max, String),
    dialog SimpleAggregateFunction(max, String),
    -- 0 when no chat is named.
    chat_key SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
