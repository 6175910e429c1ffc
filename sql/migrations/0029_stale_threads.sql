-- Threads that changed since what follows from them was derived: those whose `marks` add up to more than 0. Whoever has
-- derived takes away as many as it saw before it began, so that what arrives meanwhile stays.
CREATE TABLE IF NOT EXISTS stale_threads
(
    tenant LowCardinality(String),
    thread_key UInt64,
    marks Int64
)
ENGINE = SummingMergeTree(marks)
ORDER BY (tenant, thread_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
