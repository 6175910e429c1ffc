    -- Dialogs in which something happens in the range or a day before it, and those of which a source tells and that may
    -- still be open when the range begins: closed after that, or written in or opened again since they were closed.
    chosen AS
    (
        SELECT dialog_key
        FROM
        (
            SELECT
                if(dialog = '', chat_key, sipHash64(dialog)) AS dialog_key,
                toUnixTimestamp64Milli(coalesce(received_at, sent_at, accepted_at, toDateTime64(0, 3, 'UTC'))) AS at,
                'message' AS what
            FROM messages FINAL
            WHERE tenant = {tenant:String} AND at > 0
            UNION ALL
            SELECT dialog_key, toUnixTimestamp64Milli(at) AS at, toString(kind) AS what
            FROM dialog_events FINAL
            WHERE tenant = {tenant:String} AND kind IN ('dialog.opened', 'dialog.closed')
        )
        GROUP BY dialog_key
        HAVING countIf(at >= {from:Int64} - 86400000 AND at < {to:Int64}) > 0
            OR (countIf(what != 'message') > 0
                AND (maxIf(at, what = 'dialog.closed') >= {from:Int64}
                    OR maxIf(at, what != 'dialog.closed') >= maxIf(at, what = 'dialog.closed')))
    )
