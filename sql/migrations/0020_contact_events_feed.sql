CREATE MATERIALIZED VIEW IF NOT EXISTS contact_events_feed TO contact_events AS
SELECT tenant, contact, channel, id, at, kind, account, segments
FROM inbox
WHERE kind IN ('contact.subscribed', 'contact.unsubscribed', 'contact.blocked', 'contact.unblocked', 'contact.muted')
