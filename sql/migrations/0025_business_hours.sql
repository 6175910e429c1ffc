-- Business hours as a tenant set them, every version. A row is never changed: a later `set_at` of the same `valid_from`
-- replaces it in every answer. `schedule` is JSON that one program module writes and reads.
CREATE TABLE IF NOT EXISTS business_hours
(
    tenant LowCardinality(String),
    valid_from DateTime64(3, 'UTC'),
    set_at DateTime64(3, 'UTC'),
    set_by String,
    schedule String
)
ENGINE = MergeTree
ORDER BY (tenant, valid_from, set_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
