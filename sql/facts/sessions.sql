-- A row is a session, at its first message: client, operator and bot messages of a dialog whose gaps are at most gap_ms.
-- Cycles do not matter to it.
    written AS
    (
        SELECT
            *,
            lagInFrame(at, 1, 0) OVER (PARTITION BY dialog_key ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS previous_at,
            at - previous_at > {gap_ms:Int64} AS begins
        FROM steps
        WHERE author_kind IN ('CLIENT', 'OPERATOR', 'BOT')
    ),
    numbered AS
    (
        SELECT *, sum(begins) OVER (PARTITION BY dialog_key ORDER BY place ROWS UNBOUNDED PRECEDING) AS number
        FROM written
    ),
    sessions AS
    (
        SELECT
            dialog_key,
            number,
            min(at) AS begun_at,
            max(at) - min(at) AS duration_ms,
            count() AS messages,
            argMin(channel, place) AS channel,
            argMinIf(account, place, account != '') AS account,
            argMinIf(contact, place, contact != '') AS contact,
            argMinIf(segments, place, notEmpty(segments)) AS segments,
            argMinIf(campaign, place, campaign != '') AS campaign,
            argMinIf(scenario, place, scenario != '') AS scenario,
            argMinIf(source, place, source != '') AS source,
            argMaxIf((writer, writer_team), place, author_kind = 'OPERATOR' AND writer != '') AS last_writer,
            argMax(assigned, place) AS assigned
        FROM numbered
        GROUP BY dialog_key, number
    )
SELECT
    * EXCEPT (number, begun_at, last_writer, assigned),
    begun_at AS at,
    if(last_writer.1 != '', last_writer.1, assigned.1) AS operator,
    if(last_writer.1 != '', last_writer.2, assigned.2) AS team
FROM sessions
WHERE begun_at >= {from:Int64}
    AND begun_at < {to:Int64}
    AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
