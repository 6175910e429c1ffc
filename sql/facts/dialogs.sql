-- A row is a cycle of a dialog, at the time at which it opened, that is open at any time of the range or opened in it.
SELECT
    channel, account, contact, segments, campaign, scenario, source, operator, team,
    dialog_key, opened_at AS at, if(closed_at = 0, 9223372036854775807, closed_at) AS closed_at,
    first_client_at, last_at, messages, has_bot, has_operator, was_handed_off,
    next_client_at > 0 AND next_client_at <= last_at + 259200000 AS is_resumed
FROM cycles
WHERE opened_at < {to:Int64}
    AND (opened_at >= {from:Int64} OR closed_at = 0 OR closed_at > {from:Int64})
    AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
