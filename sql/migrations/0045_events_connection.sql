-- The same in the log.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS connection LowCardinality(String),
    ADD COLUMN IF NOT EXISTS identities Array(String)
