    -- Client messages of the range, each with what follows it in its cycle.
    clients AS
    (
        SELECT
            *,
            -- The first that is no default: the latest cycle's row comes first.
            anyLastIf((at, writer, writer_team), author_kind = 'OPERATOR') OVER later AS operator_reply,
            anyLastIf((at, author_kind), author_kind IN ('OPERATOR', 'BOT')) OVER later AS person_or_bot,
            anyLastIf((author_kind, assisted), is_reply = 1) OVER later AS reply,
            anyLastIf(author_kind, is_reply = 1 OR author_kind = 'UNKNOWN') OVER later AS reply_or_unknown,
            max(if(is_close = 1, at, 0)) OVER later AS told_closed_at,
            max(if(is_message = 1, at, 0)) OVER later AS last_at,
            if(explicit, told_closed_at, last_at + 86400000) AS closed_at
        FROM steps
        WHERE is_message = 1 OR is_close = 1
        WINDOW later AS (PARTITION BY dialog_key, cycle ORDER BY place DESC ROWS UNBOUNDED PRECEDING)
        QUALIFY is_client = 1 AND at >= {from:Int64} AND at < {to:Int64}
    )
