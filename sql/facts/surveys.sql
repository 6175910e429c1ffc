-- A row is a survey, at the time at which it was sent; one of which only ratings are told stands at the first of them.
-- It belongs to the operator who wrote last before it in the cycle that was then going on, whatever team or operator
-- the event names, unless the event names no dialog.
    surveys AS
    (
        SELECT
            survey_key,
            any(survey) AS survey,
            minIf(toUnixTimestamp64Milli(at), kind = 'survey.sent') AS sent_at,
            if(sent_at > 0, sent_at, min(toUnixTimestamp64Milli(at))) AS asked_at,
            -- The dialog in which it was asked: the source's, else the chat, 0 when neither is named.
            if(max(dialog) != '', sipHash64(max(dialog)), max(chat_key)) AS dialog_key,
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
    marked AS
    (
        SELECT
            dialog_key, at, place, cycle,
            anyLastIf((cycle, writer, writer_team), author_kind = 'OPERATOR')
                OVER (PARTITION BY dialog_key ORDER BY place ROWS UNBOUNDED PRECEDING) AS last_writer
        FROM steps
        WHERE is_message = 1
    ),
    written AS
    (
        SELECT
            dialog_key,
            at AS written_at,
            argMax(if(last_writer.1 = cycle AND last_writer.2 != '', (last_writer.2, last_writer.3), ('', '')), place) AS writer
        FROM marked
        GROUP BY dialog_key, at
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
    if(s.dialog_key = 0, toString(told_operator), writer.1) AS operator,
    if(s.dialog_key = 0, toString(told_team), writer.2) AS team
FROM surveys AS s
ASOF LEFT JOIN written AS w ON s.dialog_key = w.dialog_key AND s.asked_at > w.written_at
WHERE {everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team)
