-- What is being derived now, in memory: the threads that are taken, with the marks that they had. These tables are
-- emptied before and after each run.
CREATE TABLE IF NOT EXISTS deriving_threads (thread_key UInt64, marks Int64) ENGINE = Memory
