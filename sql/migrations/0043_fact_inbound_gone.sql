-- A view of an earlier version, which nothing reads any more.
DROP VIEW IF EXISTS fact_inbound
