-- Outbound messages as a source and its read marks tell of them, with what their contact did in the day after. Derived:
-- see `sql/derived`. A row stands on the day of its time, so that a range reads its days and nothing else. Times are
-- milliseconds since the epoch; 0 is "never". `content` is a hash of the row, 0 for one that is gone.
CREATE TABLE IF NOT EXISTS derived_messages
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
    operator LowCardinality(String),
    team LowCardinality(String),
    segments Array(LowCardinality(String)),
    campaign LowCardinality(String),
    scenario LowCardinality(String),
    source LowCardinality(String),
    message_kind LowCardinality(String),
    author_kind LowCardinality(String),
    assisted UInt8,
    known UInt8,
    -- Accepted or sent, by the source's word.
    taken UInt8,
    -- Delivered or read, by the source's word.
    told_reached UInt8,
    engaged UInt8,
    told_failed UInt8,
    accepted_ms Int64,
    sent_ms Int64,
    failed_ms Int64,
    delivered_ms Int64,
    read_ms Int64,
    failure_reason LowCardinality(String),
    content UInt64,
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (tenant, day, dialog_key, chat_key, message_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
