-- A row is a turn, at its first message, with its answer. With bot_stops = 1 a bot's message answers too, and a turn
-- that a bot answers belongs to the assignee. Durations count the open time of the schedule: `boundaries` are the
-- instants at which it opens or closes, `opens` tells which, `counted` how many milliseconds were open before.
CREATE OR REPLACE VIEW fact_turns AS
WITH
    schedule AS
    (
        SELECT
            1 AS one,
            arrayJoin(arrayZip(
                splitByChar(',', {boundaries:String})::Array(Int64),
                splitByChar(',', {opens:String})::Array(Int64),
                splitByChar(',', {counted:String})::Array(Int64))) AS boundary
    ),
    asked AS
    (
        SELECT
            * EXCEPT (answered_at),
            1 AS one,
            reacted_by = 'BOT' AND {bot_stops:UInt8} = 1 AS bot_answers,
            if({bot_stops:UInt8} = 1, reacted_at, derived_clients.answered_at) AS answered_at,
            answerer != '' AND NOT bot_answers AS is_credited
        FROM derived_clients FINAL
        WHERE tenant = {tenant:String}
            AND day >= toDate32(fromUnixTimestamp64Milli({from:Int64}, 'UTC'))
            AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
            AND at >= {from:Int64}
            AND at < {to:Int64}
            AND starts_turn
    )
SELECT
    channel, account, contact, segments, campaign, scenario, source, message_kind,
    dialog_key, chat_key, message_key, chat, message, at, starts_cycle, answered_at, closed_at,
    replier AS author_kind,
    reply_assisted AS assisted,
    follower = 'UNKNOWN' AS follows_unknown,
    if(is_credited, answerer, assignee) AS operator,
    if(is_credited, answerer_team, assignee_team) AS team,
    answered_at > 0 AS is_answered,
    if(is_answered,
        (until.boundary.3 + until.boundary.2 * (answered_at - until.boundary.1))
        - (since.boundary.3 + since.boundary.2 * (at - since.boundary.1)), 0) AS response_ms
FROM asked
ASOF LEFT JOIN (SELECT one, boundary, boundary.1 AS since_at FROM schedule) AS since ON asked.one = since.one AND asked.at >= since.since_at
ASOF LEFT JOIN (SELECT one, boundary, boundary.1 AS until_at FROM schedule) AS until ON asked.one = until.one AND asked.answered_at >= until.until_at
WHERE {everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team)
