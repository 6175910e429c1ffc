-- Into `derived_clients`: client messages, each with what follows it in its cycle.
    followed AS
    (
        SELECT
            *,
            -- The first that is no default: the latest comes first.
            anyLastIf((at, writer, writer_team), author_kind = 'OPERATOR') OVER later AS operator_reply,
            anyLastIf((at, author_kind), author_kind IN ('OPERATOR', 'BOT')) OVER later AS reaction,
            anyLastIf((author_kind, assisted), is_reply = 1) OVER later AS reply,
            anyLastIf(author_kind, is_reply = 1 OR author_kind = 'UNKNOWN') OVER later AS follower,
            max(if(is_close = 1, at, 0)) OVER later AS told_closed_at,
            max(if(is_message = 1, at, 0)) OVER later AS last_at
        FROM deriving_steps
        WHERE is_message = 1 OR is_close = 1
        WINDOW later AS (PARTITION BY dialog_key, cycle ORDER BY place DESC ROWS UNBOUNDED PRECEDING)
        QUALIFY is_client = 1
    ),
    fresh AS
    (
        SELECT
            toDate32(fromUnixTimestamp64Milli(at, 'UTC')) AS day,
            dialog_key, chat_key, message_key, at, chat, message, channel, account, contact, segments, campaign, scenario,
            source, message_kind, starts_turn, starts_cycle,
            if(explicit, told_closed_at, last_at + 86400000) AS closed_at,
            operator_reply.1 AS answered_at, operator_reply.2 AS answerer, operator_reply.3 AS answerer_team,
            reaction.1 AS reacted_at, reaction.2 AS reacted_by,
            reply.1 AS replier, reply.2 AS reply_assisted, follower,
            assignee, assignee_team
        FROM followed
    )
