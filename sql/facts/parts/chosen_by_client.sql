    -- Dialogs in which a client writes in the range.
    chosen AS
    (
        SELECT if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND received_at >= fromUnixTimestamp64Milli({from:Int64})
            AND received_at < fromUnixTimestamp64Milli({to:Int64})
    )
