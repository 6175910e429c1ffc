-- Cycles of dialogs, on the day on which something first happens in them. Derived, as `derived_messages` is. One in which
-- nothing counts as an opening has an `opened_at` of 0.
CREATE TABLE IF NOT EXISTS derived_cycles
(
    tenant LowCardinality(String),
    day Date32,
    dialog_key UInt64,
    cycle UInt64,
    opened_at Int64,
    closed_at Int64,
    first_at Int64,
    last_at Int64,
    first_client_at Int64,
    next_client_at Int64,
    name String,
    dialog String,
    channel LowCardinality(String),
    account LowCardinality(String),
    contact String,
    segments Array(LowCardinality(String)),
    campaign LowCardinality(String),
    scenario LowCardinality(String),
    source LowCardinality(String),
    operator LowCardinality(String),
    team LowCardinality(String),
    chat_keys Array(UInt64),
    messages UInt64,
    has_bot UInt8,
    has_operator UInt8,
    was_handed_off UInt8,
    -- Messages of operators in order: when, by whom, of which team.
    written_at Array(Int64),
    writers Array(LowCardinality(String)),
    writer_teams Array(LowCardinality(String)),
    content UInt64,
    version UInt64,
    is_gone UInt8,
    INDEX closing closed_at TYPE minmax GRANULARITY 1,
    INDEX asking first_client_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (tenant, day, dialog_key, cycle)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
