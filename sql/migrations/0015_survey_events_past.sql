-- What arrived before the table was there.
INSERT INTO survey_events (tenant, survey_key, id, at, kind, survey, score, scale, dialog, chat_key, channel, account, contact, operator, team, segments, campaign, scenario, source)
SELECT
    tenant, sipHash64(survey_id) AS survey_key, id, at, kind, survey_id AS survey, survey_score AS score,
    survey_scale AS scale,
    dialog, if(chat != '', sipHash64(channel, account, chat), 0) AS chat_key,
    channel, account, contact, operator, team, segments, campaign, scenario, source
FROM events
WHERE kind IN ('survey.sent', 'survey.rated')
