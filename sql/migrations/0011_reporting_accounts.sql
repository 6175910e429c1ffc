-- Accounts on which a status was ever told: delivered, read or failed. An account that only ever says that it sent (an
-- imported history, a channel without its webhook) cannot tell what became of its messages, whatever its channel could.
CREATE TABLE IF NOT EXISTS reporting_accounts
(
    tenant LowCardinality(String),
    channel LowCardinality(String),
    account String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, channel, account)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
