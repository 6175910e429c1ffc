//! What `messages.send` answers.
//!
//! Only an answer to a send with `peer_ids` names the message as the Callback API will; the bare number that a send to
//! one `peer_id` answers is another one, and a report of it would count the message twice. It is not read.

use serde_json::Value;

use crate::ingest::connector::{SendOutcome, json};
use crate::model::event::FailureReason;

/// `{"response": [{…}]}` with one entry, such an entry alone (of a send to several), or `{"error": {…}}`.
pub(super) fn read(answer: &Value) -> Option<SendOutcome> {
    if let Some(code) = json::number(answer, "/error/error_code") {
        return Some(refused(code));
    }
    let entry = match answer.get("response") {
        None => answer,
        Some(Value::Array(entries)) if entries.len() == 1 => entries.first()?,
        Some(_) => return None,
    };
    if let Some(code) = json::number(entry, "/error/code") {
        return Some(refused(code));
    }
    let message = json::number(entry, "/conversation_message_id").filter(|number| 0 < *number)?.to_string();
    Some(SendOutcome::Taken { message, chat: json::text(entry, "/peer_id"), at: None })
}

fn refused(code: i64) -> SendOutcome {
    SendOutcome::Refused { code: code.to_string(), reason: reason(code) }
}

fn reason(code: i64) -> FailureReason {
    match code {
        // On a black list; has not allowed messages, or no longer; lets nobody like us write.
        900..=902 => FailureReason::OptOut,
        // Deleted or banned; no such user; not in the chat, or there is no such chat.
        18 | 113 | 917 | 922 | 927 | 932 | 935 | 936 | 945 | 946 => FailureReason::Recipient,
        // The time to answer is over; what newsletters may be sent; paid and silenced chats; requests to write.
        939 | 943 | 944 | 950 | 962 | 985 | 987 | 988 => FailureReason::Policy,
        // Too many calls, VK's own failures, and a question whether we are a person.
        1 | 6 | 9 | 10 | 13 | 14 | 29 => FailureReason::Transient,
        // Tokens, rights, and messages that are not as VK wants them.
        2..=5 | 7 | 8 | 11 | 15..=17 | 20..=28 | 100 | 203 | 910..=914 | 921 | 925 | 940 | 969 => FailureReason::Sender,
        _ => FailureReason::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_that_was_taken_has_its_number_in_the_dialog() {
        let entry = json!({ "peer_id": 7001, "message_id": 918, "conversation_message_id": 31 });
        let taken = SendOutcome::Taken { message: "31".into(), chat: Some("7001".into()), at: None };
        assert_eq!(read(&json!({ "response": [entry] })), Some(taken.clone()));
        assert_eq!(read(&entry), Some(taken));
    }

    #[test]
    fn a_refusal_is_read_from_the_call_and_from_its_entry() {
        for (code, reason) in [
            (900, FailureReason::OptOut),
            (901, FailureReason::OptOut),
            (902, FailureReason::OptOut),
            (936, FailureReason::Recipient),
            (950, FailureReason::Policy),
            (6, FailureReason::Transient),
            (27, FailureReason::Sender),
            (914, FailureReason::Sender),
            (12_345, FailureReason::Unknown),
        ] {
            let refused = Some(SendOutcome::Refused { code: code.to_string(), reason });
            assert_eq!(read(&json!({ "error": { "error_code": code, "error_msg": "no" } })), refused);
            let entry =
                json!({ "peer_id": 7001, "message_id": 0, "conversation_message_id": 0, "error": { "code": code } });
            assert_eq!(read(&json!({ "response": [entry] })), refused);
        }
    }

    #[test]
    fn an_answer_that_names_no_one_message_of_the_dialog_is_not_read() {
        let two =
            json!([{ "peer_id": 1, "conversation_message_id": 2 }, { "peer_id": 3, "conversation_message_id": 4 }]);
        for other in [
            json!(null),
            json!({}),
            json!({ "response": 918 }),
            json!({ "response": [] }),
            json!({ "response": two }),
            json!({ "response": [{ "peer_id": 1, "message_id": 0, "conversation_message_id": 0 }] }),
            json!({ "ok": true }),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }
}
