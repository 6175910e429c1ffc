-- Which dialogs a thread ever had to do with, and on which days: what has to be derived anew when the thread changes. A
-- thread is a chat, or a dialog of which a source tells without naming a chat. Nothing is ever taken away: a message that
-- moves to another dialog leaves its trace here.
CREATE TABLE IF NOT EXISTS threads
(
    tenant LowCardinality(String),
    thread_key UInt64,
    dialog_key UInt64,
    day Date32,
    -- Which threads a dialog has to do with is asked for a few dialogs, or for so many that all is read.
    INDEX dialogs dialog_key TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, thread_key, dialog_key, day)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
