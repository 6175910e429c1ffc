    -- Cycles of dialogs. A cycle is known by its dialog and the time at which it opened. A closing time of 0 is "never".
    grouped AS
    (
        SELECT
            dialog_key,
            cycle,
            any(steps.explicit) AS explicit,
            minIf(at, (is_message = 1 AND author_kind != 'AUTOMATION') OR (is_opening = 1 AND steps.explicit)) AS opened_at,
            maxIf(at, is_message = 1) AS last_at,
            if(explicit, maxIf(at, is_close = 1), last_at + 86400000) AS closed_at,
            minIf(at, is_client = 1) AS first_client_at,
            argMinIf(steps.channel, place, is_message = 1) AS channel,
            argMinIf(steps.account, place, steps.account != '') AS account,
            argMinIf(steps.contact, place, steps.contact != '') AS contact,
            argMinIf(steps.segments, place, notEmpty(steps.segments)) AS segments,
            argMinIf(steps.campaign, place, steps.campaign != '') AS campaign,
            argMinIf(steps.scenario, place, steps.scenario != '') AS scenario,
            argMinIf(steps.source, place, steps.source != '') AS source,
            max(steps.dialog) AS dialog,
            argMinIf((steps.channel, steps.account, steps.chat), place, is_message = 1) AS first_chat,
            groupUniqArrayIf(chat_key, is_message = 1) AS chat_keys,
            argMaxIf((writer, writer_team), place, author_kind = 'OPERATOR' AND writer != '') AS last_writer,
            argMax(steps.assigned, place) AS assigned,
            sum(is_message) AS messages,
            countIf(author_kind = 'BOT') > 0 AS has_bot,
            countIf(author_kind = 'OPERATOR') > 0 AS has_operator,
            has_bot AND has_operator
                AND minIf(place, author_kind = 'BOT') < maxIf(place, author_kind = 'OPERATOR') AS was_handed_off
        FROM steps
        GROUP BY dialog_key, cycle
    ),
    cycles AS
    (
        SELECT
            *,
            if(last_writer.1 != '', last_writer.1, assigned.1) AS operator,
            if(last_writer.1 != '', last_writer.2, assigned.2) AS team,
            if(dialog != '', dialog, concat(first_chat.1, ' ', first_chat.2, ' ', first_chat.3)) AS name,
            minIf(first_client_at, first_client_at > 0) OVER (PARTITION BY dialog_key ORDER BY cycle DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next_client_at
        FROM grouped
        QUALIFY opened_at > 0
    )
