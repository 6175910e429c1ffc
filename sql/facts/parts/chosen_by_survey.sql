    -- Dialogs of which a survey of the range tells.
    chosen AS
    (
        SELECT dialog_key
        FROM survey_events FINAL
        WHERE tenant = {tenant:String}
            AND at >= fromUnixTimestamp64Milli({from:Int64})
            AND at < fromUnixTimestamp64Milli({to:Int64})
    )
