    -- Dialogs in which anybody writes in the range.
    chosen AS
    (
        SELECT if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND coalesce(received_at, sent_at, accepted_at) >= fromUnixTimestamp64Milli({from:Int64})
            AND coalesce(received_at, sent_at, accepted_at) < fromUnixTimestamp64Milli({to:Int64})
    )
