-- A row is a time at which a contact was reached (EXPOSED: an outbound message that the channel accepted), left (LEFT) or
-- muted (MUTED). Leaving and muting belong to the last message before them, at most 72 hours.
-- A contact is a person under any of its names (`contact_key`); `contact_name` is the one that the row has.
CREATE OR REPLACE VIEW fact_reach AS
WITH
    named AS
    (
        SELECT name_key, person_key
        FROM people FINAL
        WHERE tenant = {tenant:String}
    ),
    written AS
    (
        SELECT
            if(contact = '', chat_key, sipHash64(contact)) AS node,
            if(contact = '', concat(channel, ' ', account, ' ', chat), contact) AS contact_name,
            dialog_key, channel, account, contact, segments, campaign, scenario, source, message_kind, author_kind, operator,
            team, message, chat, at
        FROM derived_messages FINAL
        WHERE tenant = {tenant:String}
            AND day >= toDate32(fromUnixTimestamp64Milli({from:Int64} - 259200000, 'UTC'))
            AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
            AND at >= {from:Int64} - 259200000
            AND at < {to:Int64}
            AND (taken OR (told_failed AND told_reached))
    ),
    outbound AS
    (
        SELECT w.* EXCEPT (node), if(p.person_key = 0, w.node, p.person_key) AS contact_key
        FROM written AS w
        LEFT JOIN named AS p ON w.node = p.name_key
    ),
    told_names AS
    (
        SELECT
            sipHash64(contact) AS node, contact AS contact_name, toString(channel) AS channel, toUnixTimestamp64Milli(at) AS at, id,
            toString(account) AS account, '' AS place, contact, segments,
            multiIf(kind IN ('contact.subscribed', 'contact.unblocked'), 'RETURNED', kind = 'contact.muted', 'MUTED', 'LEFT') AS what,
            toUInt8(0) AS by_failure
        FROM contact_events FINAL
        WHERE tenant = {tenant:String}
        UNION ALL
        SELECT
            if(contact = '', chat_key, sipHash64(contact)) AS node,
            if(contact = '', concat(channel, ' ', account, ' ', chat), contact) AS contact_name,
            toString(channel) AS channel, at, message AS id, toString(account) AS account, chat AS place, contact, segments,
            'LEFT' AS what, toUInt8(1) AS by_failure
        FROM derived_refusals FINAL
        WHERE tenant = {tenant:String}
    ),
    told AS
    (
        SELECT t.* EXCEPT (node), if(p.person_key = 0, t.node, p.person_key) AS contact_key
        FROM told_names AS t
        LEFT JOIN
        (
            SELECT name_key, person_key
            FROM named
            WHERE name_key IN (SELECT node FROM told_names)
        ) AS p ON t.node = p.name_key
    ),
    placed AS
    (
        SELECT
            *,
            multiIf(what = 'RETURNED', 0, by_failure = 0, 1, 2) AS step,
            anyLastIf(what, what != 'MUTED') OVER (PARTITION BY contact_key, channel ORDER BY at, step, id, account, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
            max(what = 'RETURNED') OVER (PARTITION BY contact_key, channel ORDER BY at DESC, step DESC, id DESC, account DESC, place DESC ROWS UNBOUNDED PRECEDING) AS is_back
        FROM told
    ),
    gone AS
    (
        SELECT *
        FROM placed
        WHERE (what = 'MUTED' OR (what = 'LEFT' AND (by_failure = 0 OR before != 'LEFT')))
            AND at >= {from:Int64}
            AND at < {to:Int64}
    ),
    -- One message an instant, so that a join by time has one answer.
    latest AS
    (
        SELECT contact_key, channel, at, argMax((account, segments, campaign, scenario, source, message_kind, author_kind, operator, team, dialog_key), (message, account, chat)) AS message
        FROM outbound
        WHERE contact_key IN (SELECT contact_key FROM gone)
        GROUP BY contact_key, channel, at
    ),
    rows AS
    (
        SELECT
            contact_key, contact_name, toString(channel) AS channel, toString(account) AS account, contact, segments, toString(campaign) AS campaign,
            toString(scenario) AS scenario, toString(source) AS source, toString(message_kind) AS message_kind,
            toString(author_kind) AS author_kind, toString(operator) AS operator, toString(team) AS team, dialog_key, at,
            'EXPOSED' AS what, toUInt8(0) AS by_failure, toUInt8(0) AS is_back
        FROM outbound
        WHERE at >= {from:Int64}
        UNION ALL
        SELECT
            g.contact_key, g.contact_name, g.channel,
            if(m.at > 0 AND g.at - m.at <= 259200000 AS is_attributed, toString(m.message.1), g.account) AS account, g.contact,
            if(is_attributed, m.message.2, g.segments) AS segments,
            if(is_attributed, toString(m.message.3), '') AS campaign, if(is_attributed, toString(m.message.4), '') AS scenario,
            if(is_attributed, toString(m.message.5), '') AS source, if(is_attributed, toString(m.message.6), '') AS message_kind,
            if(is_attributed, toString(m.message.7), '') AS author_kind, if(is_attributed, toString(m.message.8), '') AS operator,
            if(is_attributed, toString(m.message.9), '') AS team,
            if(is_attributed, m.message.10, toUInt64(0)) AS dialog_key, g.at, g.what, g.by_failure, g.is_back
        FROM gone AS g
        ASOF LEFT JOIN latest AS m ON g.contact_key = m.contact_key AND g.channel = m.channel AND g.at > m.at
    )
SELECT *
FROM rows
WHERE {everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team)
