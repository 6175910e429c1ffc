    -- Dialogs in which something happens from a window before the range on: they compete for the conversions.
    chosen AS
    (
        SELECT if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND coalesce(received_at, sent_at, accepted_at) >= fromUnixTimestamp64Milli({from:Int64} - {window_ms:Int64})
        UNION ALL
        SELECT dialog_key
        FROM dialog_events FINAL
        WHERE tenant = {tenant:String}
            AND kind = 'dialog.opened'
            AND at >= fromUnixTimestamp64Milli({from:Int64})
            AND at < fromUnixTimestamp64Milli({to:Int64})
    )
