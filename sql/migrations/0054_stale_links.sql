-- Links that were told since persons were derived: those whose `marks` add up to more than 0, as in `stale_threads`. Each
-- stands here from one end.
CREATE TABLE IF NOT EXISTS stale_links
(
    tenant LowCardinality(String),
    key UInt64,
    other UInt64,
    marks Int64
)
ENGINE = SummingMergeTree(marks)
ORDER BY (tenant, key, other)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
