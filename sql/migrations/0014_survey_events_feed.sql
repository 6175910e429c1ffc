CREATE MATERIALIZED VIEW IF NOT EXISTS survey_events_feed TO survey_events AS
SELECT
    tenant, sipHash64(survey_id) AS survey_key, id, at, kind, survey_id AS survey, survey_score AS score,
    survey_scale AS scale,
    dialog, if(chat != '', sipHash64(channel, account, chat), 0) AS chat_key,
    channel, account, contact, operator, team, segments, campaign, scenario, source
FROM inbox
WHERE kind IN ('survey.sent', 'survey.rated')
