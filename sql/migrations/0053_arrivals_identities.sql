-- What tells which links events bring.
ALTER TABLE arrivals
    ADD COLUMN IF NOT EXISTS contact String,
    ADD COLUMN IF NOT EXISTS identities Array(String)
