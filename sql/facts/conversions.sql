-- A row is a cycle of a dialog with a client message, at the time at which it opened, with one conversion that was found
-- for it; a cycle without any has one row. Conversions are sought over all cycles of the tenant: whom one is credited to
-- depends neither on the range nor on who asks. `attribution`: 0 the last, 1 the first, 2 all in equal parts.
-- A conversion finds the dialogs of the person whose name it has: those with any name of the person, or in a chat that was
-- linked to it. It finds the dialog and the chat that it names, too, and of these no others.
CREATE OR REPLACE VIEW fact_conversions AS
WITH
    -- Whom a tenant that links contacts has told anything of, and all other names of the same persons.
    told AS
    (
        SELECT name_key
        FROM linked_contacts
        WHERE tenant = {tenant:String}
        UNION DISTINCT
        SELECT sipHash64(contact) AS name_key
        FROM conversion_events
        WHERE tenant = {tenant:String} AND contact != ''
            AND tenant IN (SELECT tenant FROM linked_contacts WHERE tenant = {tenant:String} LIMIT 1)
    ),
    known AS
    (
        SELECT name_key FROM told
        UNION ALL
        SELECT name_key
        FROM people FINAL
        WHERE tenant = {tenant:String}
            AND person_key IN
            (
                SELECT person_key FROM people FINAL WHERE tenant = {tenant:String} AND name_key IN (SELECT name_key FROM told)
            )
    ),
    recorded AS
    (
        SELECT
            id, toUnixTimestamp64Milli(at) AS recorded_at, toString(action) AS action, value,
            toString(currency) AS currency, order_id,
            [if(contact = '', 0, sipHash64(contact)), if(dialog = '', 0, sipHash64('dialog', dialog)),
                if(chat_key = 0, 0, sipHash64('chat', chat_key))] AS keys
        FROM conversion_events FINAL
        WHERE tenant = {tenant:String} AND kind = 'conversion.recorded'
    ),
    -- Each reversal with the conversion that it takes back: of its order and action, the last before it.
    reversals AS
    (
        SELECT c.id AS id, groupArray((r.reverted_at, r.value, r.currency)) AS reversed
        FROM
        (
            SELECT toUnixTimestamp64Milli(at) AS reverted_at, toString(action) AS action, value, toString(currency) AS currency, order_id
            FROM conversion_events FINAL
            WHERE tenant = {tenant:String} AND kind = 'conversion.reverted' AND order_id != ''
        ) AS r
        ASOF INNER JOIN
        (
            SELECT max(id) AS id, recorded_at, action, order_id
            FROM recorded
            WHERE order_id != ''
            GROUP BY recorded_at, action, order_id
        ) AS c ON r.order_id = c.order_id AND r.action = c.action AND r.reverted_at >= c.recorded_at
        GROUP BY c.id
    ),
    -- Whose the names are, of persons of whom there is a conversion: none where nobody is linked. Each side of the join has the
    -- person once, not its names: a placeholder can have thousands of deals, each of them sold.
    persons AS
    (
        SELECT name_key, person_key
        FROM people FINAL
        WHERE tenant = {tenant:String}
            AND person_key IN
            (
                SELECT person_key
                FROM people FINAL
                WHERE tenant = {tenant:String} AND name_key IN (SELECT keys[1] FROM recorded WHERE recorded_at >= {from:Int64})
            )
    ),
    by_key AS
    (
        SELECT
            if(p.person_key = 0, n.name, p.person_key) AS key,
            conversion, recorded_at, action, value, currency, reversed
        FROM
        (
            SELECT
                arrayJoin(arrayFilter(key -> key != 0, keys)) AS name,
                recorded.id AS conversion, recorded_at, action, value, currency, reversed
            FROM recorded
            LEFT JOIN reversals ON recorded.id = reversals.id
            WHERE recorded_at >= {from:Int64}
                AND (empty({actions:Array(String)}) OR has({actions:Array(String)}, action))
        ) AS n
        LEFT JOIN persons AS p ON n.name = p.name_key
    ),
    keyed AS
    (
        SELECT
            *,
            -- Of a tenant that tells whose a contact is, those count of whom it told; of others all that have a name.
            if(tenant IN (SELECT tenant FROM linked_contacts WHERE tenant = {tenant:String} LIMIT 1),
                arrayExists(key -> key IN (SELECT name_key FROM known), arrayConcat(if(contact = '', [], [sipHash64(contact)]), chat_keys)),
                contact != '') AS is_known,
            arrayJoin(arrayConcat(
                if(contact = '', [], [sipHash64(contact)]),
                if(dialog = '', [], [sipHash64('dialog', dialog)]),
                arrayMap(key -> sipHash64('chat', key), chat_keys),
                -- A chat that was linked is a name of its person as well.
                arrayFilter(key -> key IN (SELECT name_key FROM persons), chat_keys))) AS name_of
        FROM derived_cycles FINAL
        WHERE tenant = {tenant:String}
            AND first_client_at > 0
            -- What recorded since the range began can be due to it.
            AND first_client_at >= {from:Int64} - {window_ms:Int64}
    ),
    found AS
    (
        SELECT
            c.*,
            b.conversion != '' AND b.recorded_at >= first_client_at AND b.recorded_at <= first_client_at + {window_ms:Int64} AS is_found,
            if(is_found, b.conversion, '') AS conversion,
            b.recorded_at AS recorded_at,
            if(is_found, b.action, '') AS action, b.value AS told_value, b.currency AS told_currency,
            arrayFilter(r -> r.1 <= first_client_at + {window_ms:Int64}, b.reversed) AS taken_back
        FROM
        (
            SELECT k.* EXCEPT (name_of), if(p.person_key = 0, k.name_of, p.person_key) AS key
            FROM keyed AS k
            LEFT JOIN persons AS p ON k.name_of = p.name_key
        ) AS c
        LEFT JOIN by_key AS b ON c.key = b.key
        LIMIT 1 BY dialog_key, cycle, conversion
    ),
    rivals AS
    (
        SELECT
            *,
            count() OVER sharing AS shares,
            max((first_client_at, name, cycle)) OVER sharing AS last_touch,
            min((first_client_at, name, cycle)) OVER sharing AS first_touch
        FROM found
        WINDOW sharing AS (PARTITION BY conversion, if(is_found, 0, dialog_key), if(is_found, 0, cycle))
    ),
    credited AS
    (
        SELECT
            *,
            is_found
                AND multiIf({attribution:UInt8} = 2, true, {attribution:UInt8} = 1, (first_client_at, name, cycle) = first_touch,
                    (first_client_at, name, cycle) = last_touch)
                AND NOT (notEmpty(taken_back) AND (isNull(told_value) OR arrayExists(r -> isNull(r.2) OR r.3 != told_currency, taken_back)
                    OR arraySum(arrayMap(r -> ifNull(r.2, 0), taken_back)) >= told_value)) AS is_credited
        FROM rivals
        WHERE opened_at >= {from:Int64} AND opened_at < {to:Int64}
    )
SELECT
    channel, account, contact, segments, campaign, scenario, source, operator, team,
    dialog_key, opened_at AS at, first_client_at, last_at, closed_at, messages,
    (dialog_key, opened_at) AS cycle_key,
    is_known,
    is_credited,
    if(is_credited, conversion, '') AS conversion,
    if(is_credited, recorded_at, 0) AS recorded_at,
    if(is_credited, action, '') AS conversion_kind,
    if(is_credited AND isNotNull(told_value), told_currency, '') AS currency,
    if(currency != '',
        (toDecimal128(told_value, 12) - arraySum(arrayMap(r -> toDecimal128(ifNull(r.2, 0), 12), taken_back)))
            / if({attribution:UInt8} = 2, shares, 1), NULL) AS value
FROM credited
WHERE {everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team)
-- What was found and not credited is no row of its own.
QUALIFY is_credited OR row_number() OVER (PARTITION BY dialog_key, cycle ORDER BY is_credited DESC) = 1
