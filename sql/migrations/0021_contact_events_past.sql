-- What arrived before the table was there.
INSERT INTO contact_events (tenant, contact, channel, id, at, kind, account, segments)
SELECT tenant, contact, channel, id, at, kind, account, segments
FROM events
WHERE kind IN ('contact.subscribed', 'contact.unsubscribed', 'contact.blocked', 'contact.unblocked', 'contact.muted')
