-- What is told of a survey: that it was sent, that it was rated. One row an event, at its earliest time.
CREATE TABLE IF NOT EXISTS survey_events
(
    tenant LowCardinality(String),
    survey_key UInt64,
    id String,
    at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    kind SimpleAggregateFunction(max, LowCardinality(String)),
    survey SimpleAggregateFunction(max, String),
    score SimpleAggregateFunction(max, Nullable(Float64)),
    scale SimpleAggregateFunction(max, Nullable(Int64)),
    dialog SimpleAggregateFunction(max, String),
    -- 0 when no chat is named.
    chat_key SimpleAggregateFunction(max, UInt64),
    channel SimpleAggregateFunction(max, LowCardinality(String)),
    account SimpleAggregateFunction(max, LowCardinality(String)),
    contact SimpleAggregateFunction(max, String),
    operator SimpleAggregateFunction(max, LowCardinality(String)),
    team SimpleAggregateFunction(max, LowCardinality(String)),
    segments SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    campaign SimpleAggregateFunction(max, LowCardinality(String)),
    scenario SimpleAggregateFunction(max, LowCardinality(String)),
    source SimpleAggregateFunction(max, LowCardinality(String))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, survey_key, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
