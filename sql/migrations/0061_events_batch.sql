-- Which insert an event came by, counted up by the process that owns the data directory; 0 where what follows from events is
-- written before them. What is later than `fed` says is fed again when the program starts.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS batch UInt64 CODEC(T64, LZ4)
