-- What platforms sent, word for word, and what became of it. A body that is not UTF-8 is `base64:` and its Base64; a
-- connection that keeps nothing has rows with empty bodies, because they are counted all the same.
CREATE TABLE IF NOT EXISTS raw_payloads
(
    tenant LowCardinality(String),
    connection LowCardinality(String),
    received_at DateTime64(3, 'UTC'),
    expires_at DateTime('UTC'),
    content_type LowCardinality(String),
    body String CODEC(ZSTD(3)),
    hash String,
    accepted UInt32,
    duplicates UInt32,
    rejected UInt32,
    ignored UInt32,
    lookups UInt32,
    unknown Array(LowCardinality(String)),
    -- Why it, or the first event of it, could not be taken; empty when all is well.
    trouble String,
    -- Between what happened and its arrival, of the latest event.
    lag_ms Nullable(Int64)
)
ENGINE = MergeTree
ORDER BY (tenant, connection, received_at)
TTL expires_at
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1
