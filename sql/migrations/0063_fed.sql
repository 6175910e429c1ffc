-- How far what follows from events is written: the greatest counts.
CREATE TABLE IF NOT EXISTS fed
(
    whole UInt8,
    batch SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY whole
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
