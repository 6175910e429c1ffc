-- Messages whose failure does not tell whether the contact left: WhatsApp's code 131026 says "undeliverable" for many
-- reasons, whatever reason a source reads into it.
CREATE TABLE IF NOT EXISTS ambiguous_failures
(
    tenant LowCardinality(String),
    chat_key UInt64,
    message_key UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, chat_key, message_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
