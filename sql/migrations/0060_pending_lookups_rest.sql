-- When a lookup that was asked for in vain may be asked for again: what was not tried comes before it.
ALTER TABLE pending_lookups
    ADD COLUMN IF NOT EXISTS not_before SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
