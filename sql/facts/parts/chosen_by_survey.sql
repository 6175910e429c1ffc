    -- Dialogs of which any event of a survey of the range tells.
    chosen AS
    (
        SELECT arrayJoin([if(max(dialog) = '', 0, sipHash64(max(dialog))), max(chat_key)]) AS dialog_key
        FROM survey_events FINAL
        WHERE tenant = {tenant:String}
        GROUP BY survey_key
        HAVING countIf(at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})) > 0
    )
