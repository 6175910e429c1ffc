-- What each event says about its message. A status (delivered, read) brings its time and nothing else.
CREATE MATERIALIZED VIEW IF NOT EXISTS messages_feed TO messages AS
WITH kind IN ('message.received', 'message.accepted', 'message.sent', 'message.failed') AS origin
SELECT
    tenant,
    sipHash64(channel, account, chat) AS chat_key,
    sipHash64(inbox.message) AS message_key,
    inbox.channel AS channel,
    inbox.account AS account,
    inbox.chat AS chat,
    inbox.message AS message,
    if(origin, inbox.contact, '') AS contact,
    if(origin, inbox.dialog, '') AS dialog,
    if(origin, inbox.operator, '') AS operator,
    if(origin, inbox.team, '') AS team,
    if(origin AND inbox.author != 'UNKNOWN', inbox.author, '') AS author,
    if(origin, inbox.assisted, false) AS assisted,
    if(origin, inbox.segments, []) AS segments,
    if(origin, inbox.campaign, '') AS campaign,
    if(origin, inbox.scenario, '') AS scenario,
    if(origin, inbox.template, '') AS template,
    if(origin, inbox.source, '') AS source,
    if(origin, inbox.message_kind, '') AS message_kind,
    -- A reason that is not known must not win over one that is.
    if(inbox.failure_reason = 'UNKNOWN', '', inbox.failure_reason) AS failure_reason,
    if(kind = 'message.received', at, NULL) AS received_at,
    if(kind = 'message.accepted', at, NULL) AS accepted_at,
    if(kind = 'message.sent', at, NULL) AS sent_at,
    if(kind = 'message.delivered', at, NULL) AS delivered_at,
    if(kind = 'message.read', at, NULL) AS read_at,
    if(kind = 'message.failed', at, NULL) AS failed_at
FROM inbox
WHERE origin OR kind IN ('message.delivered', 'message.read')
