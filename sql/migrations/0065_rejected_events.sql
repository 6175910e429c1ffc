-- What came and could not be stored, a row a line: one that comes again counts up. `key` is of the SHA-256 of how it came and
-- of its text, so the same line of a connection has the same one, and the rest of the order follows from it. A row that only
-- marks has neither text nor times seen.
CREATE TABLE IF NOT EXISTS rejected_events
(
    tenant LowCardinality(String),
    key String,
    -- By which connection it came, empty for none, and how: EVENTS, SENDS, PLATFORM.
    connection LowCardinality(String),
    way LowCardinality(String),
    -- INVALID, REFUSED by the engine, or UNCOUNTED: stored, and refused by a table that follows.
    origin LowCardinality(String),
    event_id SimpleAggregateFunction(max, String),
    -- Why it was rejected last: a code of the program, and its sentence.
    code SimpleAggregateFunction(anyLast, String),
    reason SimpleAggregateFunction(anyLast, String),
    -- UTF-8 as it is, other bytes as `base64:` and their Base64. `raw_bytes` is how many there are of it here, for pages.
    raw SimpleAggregateFunction(max, String) CODEC(ZSTD(3)),
    raw_bytes SimpleAggregateFunction(max, UInt64),
    -- Whether `raw` is all of it: 1.
    is_whole SimpleAggregateFunction(max, UInt8),
    times_seen SimpleAggregateFunction(sum, UInt64),
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    -- When it was submitted again last, 1970 for never, and the best that came of it: 0 nothing, 1 rejected, 2 stored.
    resubmitted_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    outcome SimpleAggregateFunction(max, UInt8),
    expires_at SimpleAggregateFunction(max, DateTime('UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, key, connection, way, origin)
TTL expires_at
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1
