-- Evidence of what was erased, without the contact's name: a row when an erasure began (step BEGUN), one for each table (its
-- name, and how many rows were removed), one when it was FINISHED. One that is not finished is gone on with by the next start.
CREATE TABLE IF NOT EXISTS erasures
(
    tenant LowCardinality(String),
    erasure String,
    step LowCardinality(String),
    -- SHA-256 of what the erasure was asked for: who knows the name and the instant can recognise it.
    contact_hash SimpleAggregateFunction(max, String),
    reach SimpleAggregateFunction(max, LowCardinality(String)),
    asked_by SimpleAggregateFunction(max, String),
    at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    -- Counted before they are removed. A second count, after a crash, finds what was left: the first is the greater.
    removed SimpleAggregateFunction(max, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, erasure, step)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
