//! Automation: how much bots take over.

use super::facts::{MESSAGES, OPENED_DIALOGS, TURNS};
use super::response_time::UNKNOWN_AUTHORS;
use super::{Cohort, Family, Measure, Metric, Sees};

const AUTOMATIC: &str = "author_kind IN ('BOT', 'AUTOMATION')";
const REPLIES: &str =
    "known AND (author_kind IN ('BOT', 'OPERATOR') OR (author_kind = 'AUTOMATION' AND campaign = ''))";

pub static AUTOMATION: Family = Family {
    name: "automation",
    type_name: "Automation",
    definition: "How much bots and automatic messages take over from people. A turn counts at its start by the author of \
                 its first reply; a broadcast is no reply. `containment` and `handoffRate` count cycles of dialogs at the \
                 time they opened.",
    fact: &TURNS,
    cohort: Cohort { rows: "true", distinct: None, called: "turns", time: "when the turn started" },
    sees: Sees::Everything,
    settle_ms: |_| 72 * 3_600_000,
    checks: &[UNKNOWN_AUTHORS],
    histogram: None,
    arguments: &[],
    metrics: &[
        Metric {
            name: "automaticShare",
            what: "Turns whose first reply is a bot's or automatic",
            over: "turns with a reply",
            fact: &TURNS,
            measure: Measure::Share { rows: AUTOMATIC, of: "author_kind != ''" },
            ..Metric::PLAIN
        },
        Metric {
            name: "automatic",
            what: "Turns whose first reply is a bot's or automatic",
            fact: &TURNS,
            measure: Measure::Count { rows: AUTOMATIC },
            ..Metric::PLAIN
        },
        Metric {
            name: "manual",
            what: "Turns whose first reply is an operator's, also with a draft written by a machine",
            fact: &TURNS,
            measure: Measure::Count { rows: "author_kind = 'OPERATOR'" },
            ..Metric::PLAIN
        },
        Metric {
            name: "assisted",
            what: "Turns whose first reply is an operator's with a draft written by a machine; part of `manual`",
            fact: &TURNS,
            measure: Measure::Count { rows: "author_kind = 'OPERATOR' AND assisted = 1" },
            ..Metric::PLAIN
        },
        Metric {
            name: "automaticMessageShare",
            what: "Outbound messages of bots and automatic ones",
            over: "outbound messages of operators, bots and automatic ones, broadcasts left out",
            fact: &MESSAGES,
            measure: Measure::Share { rows: AUTOMATIC, of: REPLIES },
            ..Metric::PLAIN
        },
        Metric {
            name: "containment",
            what: "Dialogs that a bot held without any operator, that have closed, and in which no client wrote for 72 \
                   hours after the last message",
            over: "dialogs in which a bot wrote",
            fact: &OPENED_DIALOGS,
            measure: Measure::Share { rows: "NOT has_operator AND is_closed AND is_silent", of: "has_bot" },
            ..Metric::PLAIN
        },
        Metric {
            name: "handoffRate",
            what: "Dialogs in which an operator wrote after a bot",
            over: "dialogs in which a bot wrote",
            fact: &OPENED_DIALOGS,
            measure: Measure::Share { rows: "was_handed_off", of: "has_bot" },
            ..Metric::PLAIN
        },
    ],
};
