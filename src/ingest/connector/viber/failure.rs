//! What Viber's statuses of a send, and its words about a failure, say of a message.

use crate::model::event::FailureReason;

/// The group of a status that a send was answered with. New ones are `UNKNOWN`.
pub fn reason(status: i64) -> FailureReason {
    use FailureReason::{OptOut, Policy, Recipient, Sender, Transient, Unknown};
    match status {
        // Not on Viber; no device, or none new enough, for what was sent.
        5 | 11 | 13 | 14 => Recipient,
        // Not subscribed: it left, or never came.
        6 => OptOut,
        12 => Transient,
        // A country where bots may not write.
        21 => Policy,
        // Tokens, requests, webhooks, rights and money of the bot itself.
        1..=4 | 7..=10 | 15..=20 | 22..=24 => Sender,
        _ => Unknown,
    }
}

/// The same for the words of `failed`, which has no code. They are told apart only where they name a status.
pub fn reason_of_description(description: &str) -> FailureReason {
    let letters = description.chars().filter(|char| char.is_ascii_alphabetic());
    let letters: String = letters.map(|char| char.to_ascii_lowercase()).collect();
    let named = [("notsubscribed", 6), ("notregistered", 5), ("nosuitabledevice", 11), ("toomanyrequests", 12)];
    let status = named.iter().find(|(name, _)| letters.contains(name)).map(|(_, status)| *status);
    status.map_or(FailureReason::Unknown, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_belongs_to_its_group() {
        let groups = [5, 6, 12, 21, 2, 99, -1].map(|status| reason(status).as_str());
        assert_eq!(groups, ["RECIPIENT", "OPT_OUT", "TRANSIENT", "POLICY", "SENDER", "UNKNOWN", "UNKNOWN"]);
    }

    #[test]
    fn words_are_told_apart_only_where_they_name_a_status() {
        let check = |words: &str, expect: FailureReason| assert_eq!(reason_of_description(words), expect, "{words}");
        check("receiverNotSubscribed", FailureReason::OptOut);
        check("The user is not subscribed", FailureReason::OptOut);
        check("not registered", FailureReason::Recipient);
        check("failure description", FailureReason::Unknown);
        check("", FailureReason::Unknown);
    }
}
