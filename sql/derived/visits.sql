-- Into `derived_steps`: messages of clients, operators and bots, in visits.
    ends AS
    (
        SELECT dialog_key, visit_at, max(at) AS visit_end, min(place) AS first_place
        FROM deriving_steps
        WHERE visit_at > 0
        GROUP BY dialog_key, visit_at
    ),
    fresh AS
    (
        SELECT
            toDate32(fromUnixTimestamp64Milli(visit_at, 'UTC')) AS day,
            dialog_key, chat_key, message_key, visit_at, visit_end, at,
            -- Not of the dialog: a message that comes late to an earlier visit must not change this one.
            steps.place - first_place AS place,
            channel, account, contact, segments, campaign,
            scenario, source,
            if(author_kind = 'OPERATOR', writer, '') AS writer,
            if(author_kind = 'OPERATOR', writer_team, '') AS writer_team,
            assignee, assignee_team
        FROM deriving_steps AS steps
        INNER JOIN ends USING (dialog_key, visit_at)
    )
