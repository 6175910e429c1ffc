CREATE MATERIALIZED VIEW IF NOT EXISTS conversion_events_feed TO conversion_events AS
SELECT
    tenant, id, at, kind, conversion_action AS action, conversion_value AS value, conversion_currency AS currency,
    conversion_order AS order_id, contact, dialog,
    if(chat != '', sipHash64(channel, account, chat), 0) AS chat_key
FROM inbox
WHERE kind IN ('conversion.recorded', 'conversion.reverted')
