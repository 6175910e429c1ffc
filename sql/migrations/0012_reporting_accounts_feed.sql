CREATE MATERIALIZED VIEW IF NOT EXISTS reporting_accounts_feed TO reporting_accounts AS
SELECT DISTINCT tenant, channel, account
FROM inbox
WHERE kind IN ('message.delivered', 'message.read', 'message.failed', 'read.watermark')
