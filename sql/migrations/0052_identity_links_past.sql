-- What arrived before the table was there.
INSERT INTO identity_links (tenant, key, other, name, other_name, at, id)
SELECT
    tenant, link.1 AS key, link.2 AS other, link.3 AS name, link.4 AS other_name, at, id
FROM
(
    SELECT
        tenant, at, id,
        arrayDistinct(arrayConcat(if(contact = '', [], [contact]), identities)) AS names,
        -- Who names no contact names the first of its identities.
        arrayConcat(
            arrayMap(named -> (sipHash64(names[1]), sipHash64(named), names[1], named), arraySlice(names, 2)),
            if(kind = 'contact.linked' AND chat != '', [(sipHash64(contact), sipHash64(channel, account, chat), contact, '')], [])) AS told,
        arrayJoin(arrayConcat(told, arrayMap(pair -> (pair.2, pair.1, pair.4, pair.3), told))) AS link
    FROM events
    WHERE notEmpty(identities) OR (kind = 'contact.linked' AND chat != '')
)
