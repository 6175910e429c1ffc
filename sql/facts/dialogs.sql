-- A row is a cycle of a dialog, at the time at which it opened, that is open at any time of the range or opened in it.
CREATE OR REPLACE VIEW fact_dialogs AS
SELECT
    channel, account, contact, segments, campaign, scenario, source, operator, team,
    dialog_key, opened_at AS at, closed_at, first_client_at, last_at, messages, has_bot, has_operator, was_handed_off,
    next_client_at > 0 AND next_client_at <= last_at + 259200000 AS is_resumed
FROM derived_cycles FINAL
WHERE tenant = {tenant:String}
    AND day <= toDate32(fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    AND opened_at > 0
    AND opened_at < {to:Int64}
    -- A cycle opens before it closes.
    AND closed_at >= {from:Int64}
    AND (opened_at >= {from:Int64} OR closed_at > {from:Int64})
    AND ({everyone:UInt8} = 1 OR has({operators:Array(String)}, operator) OR has({teams:Array(String)}, team))
