-- Which connection an event came by (empty: the sending system sent it itself), and other names of its contact.
ALTER TABLE inbox
    ADD COLUMN IF NOT EXISTS connection String,
    ADD COLUMN IF NOT EXISTS identities Array(String)
