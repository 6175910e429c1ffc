-- Whose a name or a chat is: all that links join have one `person_key`, the least of their keys, so that it does not matter
-- in which order links are told. What is joined to nothing is not here and is a person by itself.
CREATE TABLE IF NOT EXISTS people
(
    tenant LowCardinality(String),
    name_key UInt64,
    person_key UInt64,
    version UInt64,
    -- All names of a few persons are asked for.
    INDEX persons person_key TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, name_key)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1
