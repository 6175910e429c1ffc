-- A row is a client message, with its owner and whether it starts a turn. Both need the whole dialog: a run of client
-- messages can begin before the range, and its answer can come long after it.
--
-- A dialog is the source's, else the chat. Its cycles end where the source says so; a dialog of which the source never
-- says that it opened or closed ends after 24 hours without a message. System messages and private notes are no part
-- of it. The owner is the operator who answers next in the cycle, else the assignee at that time, else nobody.
CREATE OR REPLACE VIEW fact_client_messages AS
WITH
    flow AS
    (
        SELECT
            if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key,
            toUnixTimestamp64Milli(coalesce(received_at, sent_at, accepted_at, toDateTime64(0, 3, 'UTC'))) AS at,
            toUInt8(if(isNotNull(received_at), 1, 2)) AS step,
            -- The same id can come twice in a dialog of the source that spans chats.
            concat(message, ' ', channel, ' ', account, ' ', chat) AS tie,
            toUInt8(1) AS is_message,
            toUInt8(isNotNull(received_at)) AS is_client,
            toUInt8(0) AS is_close,
            toUInt8(0) AS is_explicit,
            -- A client's message replies to nobody, whatever a contradicting event says of its author.
            if(is_client = 0 AND author = 'OPERATOR' AND operator != '', operator, NULL) AS replier,
            if(is_client = 0 AND author = 'OPERATOR' AND operator != '', team, NULL) AS replier_team,
            CAST(NULL, 'Nullable(String)') AS assignee,
            CAST(NULL, 'Nullable(String)') AS assignee_team,
            channel, account, contact, segments, campaign, scenario, source, message_kind
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND isNotNull(coalesce(received_at, sent_at, accepted_at))
            AND message_kind != 'note'
            AND (is_client = 1 OR author != 'SYSTEM')
            AND dialog_key IN
            (
                SELECT if(dialog = '', chat_key, sipHash64(dialog))
                FROM messages FINAL
                WHERE tenant = {tenant:String}
                    AND isNotNull(received_at)
                    AND received_at >= fromUnixTimestamp64Milli({from:Int64})
                    AND received_at < fromUnixTimestamp64Milli({to:Int64})
            )
        UNION ALL
        SELECT
            dialog_key,
            toUnixTimestamp64Milli(at) AS at,
            -- At one instant: an assignment holds for the messages, a close comes after them.
            toUInt8(if(kind = 'dialog.closed', 3, 0)) AS step,
            id AS tie,
            toUInt8(0) AS is_message,
            toUInt8(0) AS is_client,
            toUInt8(kind = 'dialog.closed') AS is_close,
            toUInt8(kind IN ('dialog.opened', 'dialog.closed')) AS is_explicit,
            CAST(NULL, 'Nullable(String)') AS replier,
            CAST(NULL, 'Nullable(String)') AS replier_team,
            if(kind IN ('dialog.assigned', 'dialog.handed_off'), toString(operator), NULL) AS assignee,
            if(kind IN ('dialog.assigned', 'dialog.handed_off'), toString(team), NULL) AS assignee_team,
            '' AS channel, '' AS account, '' AS contact, [] AS segments, '' AS campaign, '' AS scenario, '' AS source,
            '' AS message_kind
        FROM dialog_events FINAL
        WHERE tenant = {tenant:String}
    ),
    placed AS
    (
        SELECT
            *,
            max(is_explicit) OVER (PARTITION BY dialog_key) AS explicit,
            max(if(is_message = 1, at, 0)) OVER before AS previous_at,
            anyLast(assignee) OVER (PARTITION BY dialog_key ORDER BY at, step, tie ROWS UNBOUNDED PRECEDING) AS assigned,
            anyLast(assignee_team) OVER (PARTITION BY dialog_key ORDER BY at, step, tie ROWS UNBOUNDED PRECEDING) AS assigned_team,
            is_close = 1 OR (is_message = 1 AND explicit = 0 AND previous_at > 0 AND at - previous_at >= 86400000) AS boundary
        FROM flow
        WINDOW before AS (PARTITION BY dialog_key ORDER BY at, step, tie ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    cycled AS
    (
        SELECT
            *,
            sum(boundary) OVER (PARTITION BY dialog_key ORDER BY at, step, tie ROWS UNBOUNDED PRECEDING) AS cycle
        FROM placed
    ),
    owned AS
    (
        SELECT
            *,
            anyLast(replier) OVER later AS next_replier,
            anyLast(replier_team) OVER later AS next_replier_team,
            lagInFrame(is_client, 1, 0) OVER (PARTITION BY dialog_key, cycle ORDER BY at, step, tie ROWS UNBOUNDED PRECEDING) AS after_client
        FROM cycled
        WHERE is_message = 1
        WINDOW later AS (PARTITION BY dialog_key, cycle ORDER BY at DESC, step DESC, tie DESC ROWS UNBOUNDED PRECEDING)
    )
SELECT
    channel, account, contact, segments, campaign, scenario, source, message_kind,
    'CLIENT' AS author_kind,
    at,
    after_client = 0 AS starts_turn,
    coalesce(next_replier, assigned, '') AS operator,
    if(isNotNull(next_replier), ifNull(next_replier_team, ''), ifNull(assigned_team, '')) AS team
FROM owned
WHERE is_client = 1
    AND at >= {from:Int64}
    AND at < {to:Int64}
    AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
