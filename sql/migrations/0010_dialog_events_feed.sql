CREATE MATERIALIZED VIEW IF NOT EXISTS dialog_events_feed TO dialog_events AS
SELECT
    tenant,
    if(dialog != '', sipHash64(dialog), sipHash64(channel, account, chat)) AS dialog_key,
    id,
    at,
    kind,
    operator,
    team
FROM inbox
WHERE kind IN ('dialog.opened', 'dialog.assigned', 'dialog.handed_off', 'dialog.closed')
