CREATE MATERIALIZED VIEW IF NOT EXISTS stale_links_feed TO stale_links AS
SELECT tenant, link.1 AS key, link.2 AS other, toInt64(count()) AS marks
FROM
(
    SELECT
        tenant,
        arrayDistinct(arrayConcat(if(contact = '', [], [contact]), identities)) AS names,
        arrayJoin(arrayConcat(
            arrayMap(named -> (sipHash64(names[1]), sipHash64(named)), arraySlice(names, 2)),
            if(kind = 'contact.linked' AND chat != '', [(sipHash64(contact), sipHash64(channel, account, chat))], []))) AS link
    FROM arrivals
    WHERE notEmpty(identities) OR (kind = 'contact.linked' AND chat != '')
)
GROUP BY tenant, key, other
