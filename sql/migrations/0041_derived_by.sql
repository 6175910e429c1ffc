-- By which rules rows were derived; the highest `number` counts. The row without a tenant has the checksum of all rules, a
-- tenant's row says that it was known to close dialogs.
CREATE TABLE IF NOT EXISTS derived_by
(
    tenant String,
    rules String,
    number UInt64
)
ENGINE = ReplacingMergeTree(number)
ORDER BY tenant
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
