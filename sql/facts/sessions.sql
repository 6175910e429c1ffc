-- A row is a session, at its first message: client, operator and bot messages of a dialog whose gaps are at most gap_ms.
-- Cycles do not matter to it. No session reaches beyond its visit.
CREATE OR REPLACE VIEW fact_sessions AS
WITH
    written AS
    (
        SELECT *, at - lagInFrame(at, 1, 0) OVER running > {gap_ms:Int64} AS begins
        FROM derived_steps FINAL
        WHERE tenant = {tenant:String}
            AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
            AND visit_at < {to:Int64}
            AND visit_end >= {from:Int64}
        WINDOW running AS (PARTITION BY dialog_key, visit_at ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    numbered AS
    (
        SELECT *, sum(begins) OVER (PARTITION BY dialog_key, visit_at ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
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
            argMaxIf((writer, writer_team), place, writer != '') AS last_writer,
            argMax((assignee, assignee_team), place) AS assigned
        FROM numbered
        GROUP BY dialog_key, visit_at, number
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
