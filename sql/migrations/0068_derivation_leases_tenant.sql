-- For whose sake the right was taken first: on a cluster that says which shard's right it is. It holds for all tenants there.
ALTER TABLE derivation_leases
    ADD COLUMN IF NOT EXISTS tenant LowCardinality(String)
