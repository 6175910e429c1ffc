    -- All that happens in whole dialogs, in order, with the cycle it falls into: those in `chosen`, which the fact names.
    -- Whole, because a run of client messages can begin before a range and be answered long after it.
    --
    -- A dialog is the source's, else the chat. It is explicit when its source says when it closes: only that ends a cycle
    -- then. Any other ends after 24 hours without a message. System messages and private notes are no part of it.
    flow AS
    (
        SELECT
            if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key,
            toUnixTimestamp64Milli(coalesce(received_at, sent_at, accepted_at, toDateTime64(0, 3, 'UTC'))) AS at,
            toUInt8(if(isNotNull(received_at), 1, 2)) AS step,
            message AS tie,
            toUInt8(1) AS is_message,
            toUInt8(isNotNull(received_at)) AS is_client,
            toUInt8(0) AS is_opening,
            toUInt8(0) AS is_close,
            toUInt8(0) AS is_assignment,
            -- A client's message replies to nobody, whatever a contradicting event says of its author.
            multiIf(is_client = 1, 'CLIENT', author = '', 'UNKNOWN', toString(author)) AS author_kind,
            if(is_client = 1, '', toString(operator)) AS writer,
            if(is_client = 1, '', toString(team)) AS writer_team,
            -- A broadcast is no reply.
            toUInt8(author_kind IN ('OPERATOR', 'BOT') OR (author_kind = 'AUTOMATION' AND campaign = '')) AS is_reply,
            assisted, channel, account, chat, chat_key, message_key, dialog, contact, segments, campaign, scenario, source,
            message_kind
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND isNotNull(coalesce(received_at, sent_at, accepted_at))
            AND message_kind != 'note'
            AND (is_client = 1 OR author != 'SYSTEM')
            AND dialog_key IN (SELECT dialog_key FROM chosen)
        UNION ALL
        SELECT
            dialog_key,
            toUnixTimestamp64Milli(at) AS at,
            -- At one instant: an assignment holds for the messages, a close comes after them.
            toUInt8(if(kind = 'dialog.closed', 3, 0)) AS step,
            id AS tie,
            toUInt8(0) AS is_message,
            toUInt8(0) AS is_client,
            toUInt8(kind = 'dialog.opened') AS is_opening,
            toUInt8(kind = 'dialog.closed') AS is_close,
            toUInt8(kind IN ('dialog.assigned', 'dialog.handed_off')) AS is_assignment,
            '' AS author_kind,
            toString(operator) AS writer,
            toString(team) AS writer_team,
            toUInt8(0) AS is_reply,
            toUInt8(0) AS assisted, '' AS channel, '' AS account, '' AS chat, toUInt64(0) AS chat_key,
            toUInt64(0) AS message_key, '' AS dialog, '' AS contact, [] AS segments, '' AS campaign, '' AS scenario,
            '' AS source, '' AS message_kind
        FROM dialog_events FINAL
        WHERE tenant = {tenant:String} AND dialog_key IN (SELECT dialog_key FROM chosen)
    ),
    placed AS
    (
        SELECT
            *,
            dialog_key IN
            (
                SELECT dialog_key
                FROM dialog_events
                WHERE tenant = {tenant:String}
                    AND kind IN ('dialog.opened', 'dialog.closed')
                    -- A source that never tells of a close leaves its dialogs to the clock.
                    AND {tenant:String} IN (SELECT tenant FROM dialog_events WHERE tenant = {tenant:String} AND kind = 'dialog.closed')
            ) AS explicit,
            row_number() OVER running AS place,
            max(if(is_message = 1, at, 0)) OVER before AS previous_at,
            anyLastIf(is_client, is_message = 1) OVER before AS after_client,
            sum(is_client) OVER before AS clients_before,
            anyLastIf((writer, writer_team), is_assignment = 1) OVER running AS assigned,
            is_close = 1 OR (is_message = 1 AND explicit = 0 AND previous_at > 0 AND at - previous_at >= 86400000) AS boundary
        FROM flow
        WINDOW
            running AS (PARTITION BY dialog_key ORDER BY at, step, tie, channel, account, chat ROWS UNBOUNDED PRECEDING),
            before AS (PARTITION BY dialog_key ORDER BY at, step, tie, channel, account, chat ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    steps AS
    (
        SELECT
            * EXCEPT (previous_at, boundary, clients_before, after_client),
            -- A close belongs to the cycle that it ends.
            sum(boundary) OVER running - is_close AS cycle,
            is_client = 1 AND clients_before = max(if(boundary, clients_before, 0)) OVER running AS starts_cycle,
            is_client = 1 AND (after_client = 0 OR starts_cycle) AS starts_turn
        FROM placed
        WINDOW running AS (PARTITION BY dialog_key ORDER BY at, step, tie, channel, account, chat ROWS UNBOUNDED PRECEDING)
    )
