-- What arrived before the table was there.
INSERT INTO conversion_events (tenant, id, at, kind, action, value, currency, order_id, contact, dialog, chat_key)
SELECT
    tenant, id, at, kind, conversion_action AS action, conversion_value AS value, conversion_currency AS currency,
    conversion_order AS order_id, contact, dialog,
    if(chat != '', sipHash64(channel, account, chat), 0) AS chat_key
FROM events
WHERE kind IN ('conversion.recorded', 'conversion.reverted')
