-- A row is a survey, at the time at which it was sent; one of which only ratings are told stands at the first of them.
-- It belongs to the operator who wrote last before it in the cycle that was then going on, whatever team or operator
-- the event names, unless the event names no dialog.
CREATE OR REPLACE VIEW fact_surveys AS
WITH
    surveys AS
    (
        SELECT
            survey_key,
            any(survey) AS survey,
            minIf(toUnixTimestamp64Milli(at), kind = 'survey.sent') AS sent_at,
            if(sent_at > 0, sent_at, min(toUnixTimestamp64Milli(at))) AS asked_at,
            -- The dialog in which it was asked: the source's, else the chat that is named first, 0 when neither is named.
            if(max(dialog) != '', sipHash64(max(dialog)), argMinIf(chat_key, (at, id), chat_key != 0)) AS dialog_key,
            max(channel) AS channel,
            max(account) AS account,
            max(contact) AS contact,
            max(operator) AS told_operator,
            max(team) AS told_team,
            groupUniqArrayArray(segments) AS segments,
            max(campaign) AS campaign,
            max(scenario) AS scenario,
            max(source) AS source,
            groupArrayIf((toUnixTimestamp64Milli(at), id, ifNull(score, 0), ifNull(scale, 0)), kind = 'survey.rated') AS ratings,
            arrayReverseSort(arrayFilter(rating -> rating.1 <= asked_at + 604800000, ratings))[1] AS rating
        FROM survey_events FINAL
        WHERE tenant = {tenant:String}
        GROUP BY survey_key
        HAVING asked_at >= {from:Int64} AND asked_at < {to:Int64}
    ),
    -- A cycle holds the messages from its first one until that of the next.
    cycles AS
    (
        SELECT dialog_key AS cycle_dialog, first_at, written_at, writers, writer_teams
        FROM derived_cycles FINAL
        WHERE tenant = {tenant:String}
            AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
            AND first_at > 0
            AND dialog_key IN (SELECT dialog_key FROM surveys)
    )
SELECT
    survey, s.dialog_key AS dialog_key, channel, account, contact, segments, campaign, scenario, source, asked_at AS at,
    sent_at,
    sent_at > 0 AS is_sent,
    rating.1 AS rated_at,
    rated_at > 0 AS is_rated,
    rating.3 AS score,
    rating.4 AS scale,
    is_rated AND score >= multiIf(scale = 5, 4, scale = 10, 9, scale) AS is_satisfied,
    if(is_rated, (score - 1) / (scale - 1), 0) AS normal_score,
    arrayLastIndex(written -> written < asked_at, written_at) AS last_written,
    if(s.dialog_key = 0, toString(told_operator), toString(writers[last_written])) AS operator,
    -- Who wrote it without a name is nobody, of no team.
    if(s.dialog_key = 0, toString(told_team), if(operator = '', '', toString(writer_teams[last_written]))) AS team
FROM surveys AS s
ASOF LEFT JOIN cycles AS c ON s.dialog_key = c.cycle_dialog AND s.asked_at > c.first_at
WHERE {everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team)
