-- Messages of clients, operators and bots in visits: runs without a pause of more than four hours, the longest that a
-- session may bridge. A row stands on the day on which its visit begins. Derived, as `derived_messages` is.
CREATE TABLE IF NOT EXISTS derived_steps
(
    tenant LowCardinality(String),
    day Date32,
    dialog_key UInt64,
    chat_key UInt64,
    message_key UInt64,
    visit_at Int64,
    visit_end Int64,
    at Int64,
    -- Its place in the visit.
    place UInt64,
    channel LowCardinality(String),
    account LowCardinality(String),
    contact String,
    segments Array(LowCardinality(String)),
    campaign LowCardinality(String),
    scenario LowCardinality(String),
    source LowCardinality(String),
    -- The operator who wrote it, if one did.
    writer LowCardinality(String),
    writer_team LowCardinality(String),
    assignee LowCardinality(String),
    assignee_team LowCardinality(String),
    content UInt64,
    version UInt64,
    is_gone UInt8,
    INDEX ending visit_end TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (tenant, day, dialog_key, chat_key, message_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
