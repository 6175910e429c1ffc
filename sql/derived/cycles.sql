-- Into `derived_cycles`: cycles of dialogs.
    grouped AS
    (
        SELECT
            dialog_key,
            cycle,
            any(steps.explicit) AS explicit,
            min(at) AS begun_at,
            minIf(at, (is_message = 1 AND author_kind != 'AUTOMATION') OR (is_opening = 1 AND steps.explicit)) AS opened_at,
            minIf(at, is_message = 1) AS first_at,
            maxIf(at, is_message = 1) AS last_at,
            if(explicit, maxIf(at, is_close = 1), last_at + 86400000) AS ended_at,
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
            arraySort(groupUniqArrayIf(chat_key, is_message = 1)) AS chat_keys,
            argMaxIf((writer, writer_team), place, author_kind = 'OPERATOR' AND writer != '') AS last_writer,
            argMax((assignee, assignee_team), place) AS assigned,
            sum(is_message) AS messages,
            countIf(author_kind = 'BOT') > 0 AS has_bot,
            countIf(author_kind = 'OPERATOR') > 0 AS has_operator,
            has_bot AND has_operator
                AND minIf(place, author_kind = 'BOT') < maxIf(place, author_kind = 'OPERATOR') AS was_handed_off,
            arraySort(groupArrayIf((place, at, writer, writer_team), author_kind = 'OPERATOR')) AS written
        FROM deriving_steps AS steps
        GROUP BY dialog_key, cycle
    ),
    fresh AS
    (
        SELECT
            toDate32(fromUnixTimestamp64Milli(begun_at, 'UTC')) AS day,
            dialog_key, cycle, opened_at, if(ended_at = 0, toInt64(9223372036854775807), ended_at) AS closed_at, first_at, last_at, first_client_at,
            minIf(first_client_at, first_client_at > 0) OVER (PARTITION BY dialog_key ORDER BY cycle DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next_client_at,
            if(dialog != '', dialog, concat(first_chat.1, ' ', first_chat.2, ' ', first_chat.3)) AS name,
            dialog, channel, account, contact, segments, campaign, scenario, source,
            if(last_writer.1 != '', last_writer.1, assigned.1) AS operator,
            if(last_writer.1 != '', last_writer.2, assigned.2) AS team,
            chat_keys, messages, has_bot, has_operator, was_handed_off,
            arrayMap(step -> step.2, written) AS written_at,
            arrayMap(step -> step.3, written) AS writers,
            arrayMap(step -> step.4, written) AS writer_teams
        FROM grouped
    )
