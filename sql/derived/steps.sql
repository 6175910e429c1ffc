-- Into `deriving_steps`: all that happens in the dialogs, in order, with the cycle it falls into.
--
-- A dialog is the source's, else the chat. It is explicit when its source says when it closes: only that ends a cycle
-- then. Any other ends after 24 hours without a message. System messages and private notes are no part of it.
    flow AS
    (
        SELECT
            dialog_key,
            if(received_ms > 0, received_ms, if(sent_ms > 0, sent_ms, accepted_ms)) AS at,
            toUInt8(if(received_ms > 0, 1, 2)) AS step,
            message AS tie,
            toUInt8(1) AS is_message,
            toUInt8(received_ms > 0) AS is_client,
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
        FROM deriving_messages
        WHERE at > 0 AND (is_client = 1 OR author != 'SYSTEM')
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
        WHERE tenant = of_tenant AND dialog_key IN (SELECT dialog_key FROM deriving_dialogs)
    ),
    placed AS
    (
        SELECT
            *,
            dialog_key IN
            (
                SELECT dialog_key
                FROM dialog_events
                WHERE tenant = of_tenant
                    AND dialog_key IN (SELECT dialog_key FROM deriving_dialogs)
                    AND kind IN ('dialog.opened', 'dialog.closed')
                    -- A source that never tells of a close leaves its dialogs to the clock.
                    AND of_tenant IN (SELECT tenant FROM derived_by WHERE tenant = of_tenant AND rules = 'closing')
            ) AS explicit,
            row_number() OVER running AS place,
            max(if(is_message = 1, at, 0)) OVER before AS previous_at,
            author_kind IN ('CLIENT', 'OPERATOR', 'BOT') AS is_written,
            max(if(is_written, at, 0)) OVER before AS previous_written_at,
            anyLastIf(is_client, is_message = 1) OVER before AS after_client,
            sum(is_client) OVER before AS clients_before,
            anyLastIf((writer, writer_team), is_assignment = 1) OVER running AS assigned,
            is_close = 1 OR (is_message = 1 AND explicit = 0 AND previous_at > 0 AND at - previous_at >= 86400000) AS boundary
        FROM flow
        WINDOW
            running AS (PARTITION BY dialog_key ORDER BY at, step, tie, channel, account, chat ROWS UNBOUNDED PRECEDING),
            before AS (PARTITION BY dialog_key ORDER BY at, step, tie, channel, account, chat ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
SELECT
    dialog_key,
    -- A close belongs to the cycle that it ends.
    sum(boundary) OVER running - is_close AS cycle,
    place, at, explicit, is_message, is_client, is_opening, is_close, is_reply,
    is_client = 1 AND clients_before = max(if(boundary, clients_before, 0)) OVER running AS starts_cycle,
    is_client = 1 AND (after_client = 0 OR starts_cycle) AS starts_turn,
    if(is_written, max(if(is_written AND at - previous_written_at > 14400000, at, 0)) OVER running, 0) AS visit_at,
    author_kind, writer, writer_team, assigned.1 AS assignee, assigned.2 AS assignee_team, assisted,
    channel, account, chat, chat_key, tie AS message, message_key, dialog, contact, segments, campaign, scenario, source,
    message_kind
FROM placed
WINDOW running AS (PARTITION BY dialog_key ORDER BY place ROWS UNBOUNDED PRECEDING)
