-- Client messages with their place in the dialog and what follows them in their cycle. Derived, as `derived_messages` is.
CREATE TABLE IF NOT EXISTS derived_clients
(
    tenant LowCardinality(String),
    day Date32,
    dialog_key UInt64,
    chat_key UInt64,
    message_key UInt64,
    at Int64,
    chat String,
    message String,
    channel LowCardinality(String),
    account LowCardinality(String),
    contact String,
    segments Array(LowCardinality(String)),
    campaign LowCardinality(String),
    scenario LowCardinality(String),
    source LowCardinality(String),
    message_kind LowCardinality(String),
    starts_turn UInt8,
    starts_cycle UInt8,
    closed_at Int64,
    -- The next message of an operator.
    answered_at Int64,
    answerer LowCardinality(String),
    answerer_team LowCardinality(String),
    -- The next message of an operator or a bot.
    reacted_at Int64,
    reacted_by LowCardinality(String),
    -- The next reply, broadcasts aside: who wrote it, and whether a machine helped. `follower` is UNKNOWN where a message
    -- of an unknown author comes before it.
    replier LowCardinality(String),
    reply_assisted UInt8,
    follower LowCardinality(String),
    assignee LowCardinality(String),
    assignee_team LowCardinality(String),
    content UInt64,
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (tenant, day, dialog_key, chat_key, message_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
