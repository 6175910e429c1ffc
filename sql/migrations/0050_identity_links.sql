-- Which names are of one person, as events told: a contact and its other names, or a contact and a chat that was found to be
-- its own. Each link stands here from both ends. A name's key is `sipHash64(name)`; a chat has no name and the key it has
-- everywhere. Nothing is ever taken away; `at` and `id` are of the events that told it first: the earliest time, the least id.
CREATE TABLE IF NOT EXISTS identity_links
(
    tenant LowCardinality(String),
    key UInt64,
    other UInt64,
    name SimpleAggregateFunction(max, String),
    other_name SimpleAggregateFunction(max, String),
    at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    id SimpleAggregateFunction(min, String)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, key, other)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1
