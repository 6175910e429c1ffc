-- A row is something that happened in one dialog, or a cycle of it (CYCLE). Nobody sees any of it to whom nothing in it
-- belongs: no client message or turn, no message written, no cycle. Who sees the dialog sees all that happened in it, but
-- of operators and teams only the names in scope, and no figures of others. `until_at` is when a turn was answered, when a cycle closed.
CREATE OR REPLACE VIEW fact_timeline AS
WITH
    -- The one dialog that is asked for, by its key in 16 hexadecimal digits.
    chosen AS
    (
        SELECT reinterpretAsUInt64(reverse(unhex({dialog:String}))) AS dialog_key
    ),
    -- On which days it can have rows.
    days AS
    (
        SELECT day
        FROM threads
        WHERE tenant = {tenant:String}
            AND thread_key IN (SELECT thread_key FROM threads WHERE tenant = {tenant:String} AND dialog_key IN (SELECT dialog_key FROM chosen))
    ),
    own_cycles AS
    (
        SELECT *
        FROM derived_cycles FINAL
        WHERE tenant = {tenant:String}
            AND day IN (SELECT day FROM days)
            AND dialog_key IN (SELECT dialog_key FROM chosen)
            AND opened_at > 0
    ),
    -- All names of the persons whose it is.
    own_names AS
    (
        SELECT arrayJoin(arrayConcat(if(contact = '', [], [sipHash64(contact)]), chat_keys)) AS name_key FROM own_cycles
        UNION ALL
        SELECT name_key
        FROM people FINAL
        WHERE tenant = {tenant:String}
            AND person_key IN
            (
                SELECT person_key
                FROM people FINAL
                WHERE tenant = {tenant:String}
                    AND name_key IN
                    (
                        SELECT arrayJoin(arrayConcat(if(contact = '', [], [sipHash64(contact)]), chat_keys)) FROM own_cycles
                    )
            )
    ),
    -- Conversions of which this dialog can be the cause: within a week after a first client message.
    touched AS
    (
        SELECT
            id, toUnixTimestamp64Milli(e.at) AS at, e.kind AS kind, e.action AS action, e.value AS value,
            e.currency AS currency, order_id,
            e.kind = 'conversion.recorded'
                AND ((e.contact != '' AND sipHash64(e.contact) IN (SELECT name_key FROM own_names)) OR has(chats, e.chat_key)
                    OR (e.dialog != '' AND sipHash64(e.dialog) = reinterpretAsUInt64(reverse(unhex({dialog:String})))))
                AND arrayExists(first -> at >= first AND at <= first + 604800000, firsts) AS is_found
        FROM (SELECT * FROM conversion_events FINAL WHERE tenant = {tenant:String}) AS e
        CROSS JOIN
        (
            SELECT
                groupArrayIf(first_client_at, first_client_at > 0) AS firsts,
                groupUniqArrayArray(chat_keys) AS chats
            FROM own_cycles
        ) AS c
    ),
    -- A reversal takes back the conversion of its order.
    conversions AS
    (
        SELECT *, max(is_found) OVER (PARTITION BY order_id, action) AS is_taken_back
        FROM touched
        QUALIFY is_found OR (kind = 'conversion.reverted' AND order_id != '' AND is_taken_back)
    ),
    happened AS
    (
        SELECT
            at,
            arrayJoin(if(starts_turn, ['MESSAGE', 'TURN'], ['MESSAGE'])) AS kind,
            sipHash64(chat_key, message_key) AS key,
            toUInt8(1) AS is_owned,
            toString(if(answerer != '', answerer, assignee)) AS whose,
            toString(if(answerer != '', answerer_team, assignee_team)) AS whose_team,
            toString(channel) AS channel, toString(account) AS account, contact, chat, message,
            if(kind = 'MESSAGE', 'INBOUND', '') AS direction,
            if(kind = 'MESSAGE', 'CLIENT', toString(replier)) AS author,
            toString(message_kind) AS message_kind,
            if(kind = 'TURN', reply_assisted, toUInt8(0)) AS assisted,
            if(kind = 'TURN', answered_at, toInt64(0)) AS until_at,
            toUInt64(0) AS messages, '' AS reason, '' AS survey, toNullable(toFloat64(0)) AS score,
            toNullable(toFloat64(0)) AS scale, '' AS action, '' AS value, '' AS currency
        FROM derived_clients FINAL
        WHERE tenant = {tenant:String}
            AND day IN (SELECT day FROM days)
            AND dialog_key IN (SELECT dialog_key FROM chosen)
            AND at >= {from:Int64}
            AND at < {to:Int64}
        UNION ALL
        SELECT
            told.2 AS at, told.1 AS kind, sipHash64(chat_key, message_key) AS key, 1, toString(operator), toString(team),
            toString(channel), toString(account), contact, chat, message, 'OUTBOUND', toString(author_kind),
            toString(message_kind), toUInt8(assisted), toInt64(0), 0,
            if(kind = 'FAILED', if(failure_reason = '', 'UNKNOWN', toString(failure_reason)), ''), '', NULL, NULL, '', '', ''
        FROM
        (
            SELECT
                *,
                arrayJoin(arrayFilter(pair -> pair.2 > 0, [
                    ('MESSAGE', if(accepted_ms > 0 OR sent_ms > 0, at, toInt64(0))),
                    ('DELIVERED', delivered_ms), ('READ', read_ms), ('FAILED', failed_ms)])) AS told
            FROM derived_messages FINAL
            WHERE tenant = {tenant:String}
                AND day IN (SELECT day FROM days)
                AND dialog_key IN (SELECT dialog_key FROM chosen)
                AND at >= {from:Int64}
                AND at < {to:Int64}
        )
        UNION ALL
        SELECT
            toUnixTimestamp64Milli(at) AS at,
            transform(kind, ['dialog.opened', 'dialog.assigned', 'dialog.handed_off', 'dialog.closed'], ['OPENED', 'ASSIGNED', 'HANDED_OFF', 'CLOSED'], '') AS kind,
            sipHash64(id), 0, toString(operator), toString(team), '', '', '', '', '', '', '', '', 0, 0, 0, '', '', NULL, NULL, '', '', ''
        FROM (SELECT * FROM dialog_events FINAL WHERE tenant = {tenant:String} AND dialog_key IN (SELECT dialog_key FROM chosen))
        UNION ALL
        SELECT
            toUnixTimestamp64Milli(at) AS at, if(kind = 'survey.sent', 'SURVEY_SENT', 'RATED') AS kind,
            sipHash64(id), 0, toString(operator), toString(team), '', '', '', '', '', '', '', '', 0, 0, 0, '', survey,
            score, toFloat64(scale), '', '', ''
        FROM
        (
            SELECT *
            FROM survey_events FINAL
            WHERE tenant = {tenant:String}
                AND survey_key IN
                (
                    SELECT survey_key
                    FROM survey_events
                    WHERE tenant = {tenant:String}
                        AND (chat_key IN (SELECT dialog_key FROM chosen)
                            OR (dialog != '' AND sipHash64(dialog) IN (SELECT dialog_key FROM chosen)))
                )
        )
        UNION ALL
        SELECT
            at, if(kind = 'conversion.recorded', 'CONVERTED', 'REVERTED') AS kind, sipHash64(id), 0, '', '', '', '', '', '', '',
            '', '', '', 0, 0, 0, '', '', NULL, NULL, toString(action), ifNull(toString(value), ''), toString(currency)
        FROM conversions
        UNION ALL
        SELECT
            opened_at AS at, 'CYCLE' AS kind, toUInt64(opened_at), 1, toString(operator), toString(team), toString(channel), toString(account), contact, '', '',
            '', '', '', 0, if(closed_at = 9223372036854775807, toInt64(0), closed_at), toUInt64(messages), '', '', NULL, NULL, '', '', ''
        FROM own_cycles
    )
SELECT
    * EXCEPT (whose, whose_team, until_at, score, scale),
    {everyone:UInt8} = 1 OR has({operators:Array(String)}, whose) OR has({teams:Array(String)}, whose_team) AS is_mine,
    if(is_mine, whose, '') AS operator,
    if(is_mine, whose_team, '') AS team,
    -- How fast somebody else answered and how that was rated is nobody else's to see.
    is_mine OR kind NOT IN ('TURN', 'RATED') AS is_shown,
    if(is_shown, until_at, 0) AS until_at,
    if(is_shown, score, NULL) AS score,
    if(is_shown, scale, NULL) AS scale
FROM happened
QUALIFY {everyone:UInt8} = 1 OR max(is_mine AND is_owned) OVER () = 1
