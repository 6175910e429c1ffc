-- What happens in the dialogs, in order, each with the cycle that it falls into.
CREATE TABLE IF NOT EXISTS deriving_steps
(
    dialog_key UInt64,
    cycle UInt64,
    place UInt64,
    at Int64,
    explicit UInt8,
    is_message UInt8,
    is_client UInt8,
    is_opening UInt8,
    is_close UInt8,
    is_reply UInt8,
    starts_cycle UInt8,
    starts_turn UInt8,
    -- When the visit began that the message is part of, 0 for what is no part of any.
    visit_at Int64,
    author_kind LowCardinality(String),
    writer LowCardinality(String),
    writer_team LowCardinality(String),
    assignee LowCardinality(String),
    assignee_team LowCardinality(String),
    assisted UInt8,
    channel LowCardinality(String),
    account LowCardinality(String),
    chat String,
    chat_key UInt64,
    message String,
    message_key UInt64,
    dialog String,
    contact String,
    segments Array(LowCardinality(String)),
    campaign LowCardinality(String),
    scenario LowCardinality(String),
    source LowCardinality(String),
    message_kind LowCardinality(String)
)
ENGINE = Memory
