CREATE MATERIALIZED VIEW IF NOT EXISTS dialog_threads_feed TO dialog_threads AS
SELECT DISTINCT tenant, dialog_key, thread_key
FROM threads
