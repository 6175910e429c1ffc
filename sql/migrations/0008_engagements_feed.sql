CREATE MATERIALIZED VIEW IF NOT EXISTS engagements_feed TO engagements AS
SELECT
    tenant,
    sipHash64(channel, account, chat) AS chat_key,
    at
FROM inbox
WHERE kind = 'message.received'
    OR (
        kind IN ('message.clicked', 'message.button_pressed', 'message.reacted')
        -- An operator can react too; who names one and no author means the operator.
        AND (author = 'CLIENT' OR (author IN ('', 'UNKNOWN') AND operator = ''))
    )
