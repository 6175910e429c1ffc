-- Which dialogs a thread ever had to do with, and on which days: what has to be derived anew when the thread changes. A
-- thread is a chat, or a dialog of which a source tells without naming a chat. Nothing is ever taken away: a message that
-- moves to another dialog leaves its trace here.
CREATE TABLE IF NOT EXISTS threads
(
    tenant LowCardinality(String),
    thread_key UInt64,
    dialog_key UInt64,
    day Date32
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, thread_key, dialog_key, day)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
