    -- Dialogs in which something happens in the range or a day before it, and those that stay open by what their source says.
    chosen AS
    (
        SELECT if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key
        FROM messages FINAL
        WHERE tenant = {tenant:String}
            AND coalesce(received_at, sent_at, accepted_at) >= fromUnixTimestamp64Milli({from:Int64} - 86400000)
            AND coalesce(received_at, sent_at, accepted_at) < fromUnixTimestamp64Milli({to:Int64})
        UNION ALL
        SELECT dialog_key
        FROM dialog_events FINAL
        WHERE tenant = {tenant:String}
            AND kind = 'dialog.opened'
            AND at >= fromUnixTimestamp64Milli({from:Int64})
            AND at < fromUnixTimestamp64Milli({to:Int64})
        UNION ALL
        -- Closed after the range began, or opened and not closed.
        SELECT dialog_key
        FROM dialog_events FINAL
        WHERE tenant = {tenant:String} AND kind IN ('dialog.opened', 'dialog.closed')
        GROUP BY dialog_key
        HAVING maxIf(at, kind = 'dialog.closed') >= fromUnixTimestamp64Milli({from:Int64})
            OR maxIf(at, kind = 'dialog.opened') >= maxIf(at, kind = 'dialog.closed')
        UNION ALL
        -- Written in again after it was closed.
        SELECT dialog_key
        FROM
        (
            SELECT if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key,
                coalesce(received_at, sent_at, accepted_at) AS written_at
            FROM messages FINAL
            WHERE tenant = {tenant:String} AND isNotNull(written_at)
        ) AS written
        INNER JOIN
        (
            SELECT dialog_key, max(at) AS last_closed_at
            FROM dialog_events FINAL
            WHERE tenant = {tenant:String} AND kind = 'dialog.closed'
            GROUP BY dialog_key
        ) AS closed USING (dialog_key)
        WHERE written_at >= last_closed_at
    )
