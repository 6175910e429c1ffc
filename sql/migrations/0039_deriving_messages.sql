-- The states of their messages, merged once for all that follows.
CREATE TABLE IF NOT EXISTS deriving_messages
(
    dialog_key UInt64,
    chat_key UInt64,
    message_key UInt64,
    channel LowCardinality(String),
    account LowCardinality(String),
    chat String,
    message String,
    contact String,
    dialog String,
    operator LowCardinality(String),
    team LowCardinality(String),
    author LowCardinality(String),
    assisted UInt8,
    segments Array(LowCardinality(String)),
    campaign LowCardinality(String),
    scenario LowCardinality(String),
    source LowCardinality(String),
    message_kind LowCardinality(String),
    failure_reason LowCardinality(String),
    -- Milliseconds since the epoch, 0 for "never told".
    received_ms Int64,
    accepted_ms Int64,
    sent_ms Int64,
    delivered_ms Int64,
    read_ms Int64,
    failed_ms Int64
)
ENGINE = Memory
