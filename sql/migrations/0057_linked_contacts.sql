-- The contacts and chats that `contact.linked` named: whom the source of conversions knows. `chat_key` is 0 when no chat is
-- named.
CREATE TABLE IF NOT EXISTS linked_contacts
(
    tenant LowCardinality(String),
    name_key UInt64,
    chat_key UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, name_key, chat_key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
