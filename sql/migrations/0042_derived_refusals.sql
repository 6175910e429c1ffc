-- Sends that failed because the contact had left. Derived, as `derived_messages` is, and apart from it: whether a contact
-- has left is told by all of its history, of which these are few.
CREATE TABLE IF NOT EXISTS derived_refusals
(
    tenant LowCardinality(String),
    day Date32,
    dialog_key UInt64,
    chat_key UInt64,
    message_key UInt64,
    at Int64,
    message String,
    channel LowCardinality(String),
    account LowCardinality(String),
    chat String,
    contact String,
    segments Array(LowCardinality(String)),
    content UInt64,
    version UInt64,
    is_gone UInt8
)
ENGINE = ReplacingMergeTree(version, is_gone)
ORDER BY (tenant, day, dialog_key, chat_key, message_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
