-- What platforms sent, word for word, and what was read of it. A body that is not UTF-8 is `base64:` and its Base64.
CREATE TABLE IF NOT EXISTS raw_payloads
(
    tenant LowCardinality(String),
    connection LowCardinality(String),
    received_at DateTime64(3, 'UTC'),
    expires_at DateTime('UTC'),
    content_type LowCardinality(String),
    body String CODEC(ZSTD(3)),
    hash String,
    events UInt32,
    ignored UInt32,
    unknown Array(LowCardinality(String)),
    is_unreadable Bool
)
ENGINE = MergeTree
ORDER BY (tenant, connection, received_at)
TTL expires_at
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1
