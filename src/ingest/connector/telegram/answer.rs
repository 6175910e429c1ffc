//! What the Bot API answers to a send: the message it took, or why it did not.

use serde_json::Value;

use super::{Place, place};
use crate::ingest::connector::{SendOutcome, json};
use crate::model::event::FailureReason;

/// The answer as it came. `None` for one that tells of no message.
pub fn read(answer: &Value) -> Option<SendOutcome> {
    match answer.get("ok").and_then(Value::as_bool)? {
        true => taken(answer.get("result")?),
        false => refused(answer),
    }
}

fn taken(result: &Value) -> Option<SendOutcome> {
    // An album is answered with all its messages; the first stands for it.
    let message = result.as_array().map_or(Some(result), |messages| messages.first())?;
    // Zero: Telegram will send it later and number it then.
    let id = json::text(message, "/message_id").filter(|id| id != "0")?;
    let chat = match place(message) {
        Place::Dialog(dialog) => Some(dialog.chat),
        Place::Elsewhere => json::text(message, "/chat/id"),
        Place::Unnamed => None,
    };
    let sent = json::number(message, "/date").filter(|seconds| 0 < *seconds);
    Some(SendOutcome::Taken { message: id, chat, at: sent.map(|seconds| seconds.saturating_mul(1_000)) })
}

fn refused(answer: &Value) -> Option<SendOutcome> {
    let code = json::number(answer, "/error_code")?;
    let description = json::text(answer, "/description").unwrap_or_default().to_lowercase();
    Some(SendOutcome::Refused { code: code.to_string(), reason: reason(code, &description) })
}

/// What descriptions contain, in lower case, and what it means. Only the words tell one refusal from another.
const REASONS: [(&str, FailureReason); 14] = [
    ("bot was blocked by the user", FailureReason::OptOut),
    ("can't initiate conversation", FailureReason::Policy),
    ("privacy_premium_required", FailureReason::Policy),
    ("voice_messages_forbidden", FailureReason::Policy),
    ("business_peer_usage_missing", FailureReason::Policy),
    ("user is deactivated", FailureReason::Recipient),
    ("chat not found", FailureReason::Recipient),
    ("user not found", FailureReason::Recipient),
    ("can't send messages to bots", FailureReason::Recipient),
    ("peer_id_invalid", FailureReason::Recipient),
    ("balance_too_low", FailureReason::Sender),
    ("frozen_method_invalid", FailureReason::Sender),
    ("not enough rights", FailureReason::Sender),
    ("business_connection_invalid", FailureReason::Sender),
];

fn reason(code: i64, description: &str) -> FailureReason {
    if let Some((_, reason)) = REASONS.iter().find(|(words, _)| description.contains(words)) {
        return *reason;
    }
    match code {
        429 | 500.. => FailureReason::Transient,
        // A wrong token: for a path without a bot Telegram says 404.
        401 | 404 => FailureReason::Sender,
        _ => FailureReason::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(code: i64, description: &str) -> Option<SendOutcome> {
        read(&json!({ "ok": false, "error_code": code, "description": description }))
    }

    #[test]
    fn a_message_that_was_taken_is_named_with_its_chat_and_time() {
        let message = json!({ "message_id": 501, "date": 1_777_633_200, "chat": { "id": 7264, "type": "private" } });
        let taken = |chat: &str| SendOutcome::Taken {
            message: "501".to_owned(),
            chat: Some(chat.to_owned()),
            at: Some(1_777_633_200_000),
        };
        assert_eq!(read(&json!({ "ok": true, "result": message })), Some(taken("7264")));
        assert_eq!(read(&json!({ "ok": true, "result": [message, { "message_id": 502 }] })), Some(taken("7264")));
        let mut of_business = message.clone();
        of_business["business_connection_id"] = json!("bc-17");
        assert_eq!(read(&json!({ "ok": true, "result": of_business })), Some(taken("bc-17:7264")));
        let mut of_group = message;
        of_group["chat"] = json!({ "id": -100_723, "type": "supergroup" });
        assert_eq!(read(&json!({ "ok": true, "result": of_group })), Some(taken("-100723")));
        let copied = SendOutcome::Taken { message: "503".to_owned(), chat: None, at: None };
        assert_eq!(read(&json!({ "ok": true, "result": { "message_id": 503 } })), Some(copied));
    }

    #[test]
    fn an_answer_that_names_no_message_is_none() {
        for other in [
            json!({}),
            json!([]),
            json!({ "ok": true, "result": true }),
            json!({ "ok": true, "result": [] }),
            json!({ "ok": true, "result": { "message_id": 0, "date": 0 } }),
            json!({ "ok": "true", "result": { "message_id": 1 } }),
            json!({ "ok": false }),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_is_sorted_by_its_words_and_then_by_its_code() {
        use FailureReason::*;
        for (code, description, reason) in [
            (403, "Forbidden: bot was blocked by the user", OptOut),
            (403, "Forbidden: user is deactivated", Recipient),
            (403, "Forbidden: bot can't initiate conversation with a user", Policy),
            (403, "Forbidden: something new", Unknown),
            (400, "Bad Request: chat not found", Recipient),
            (400, "Bad Request: message text is empty", Unknown),
            (401, "Unauthorized", Sender),
            (404, "Not Found", Sender),
            (500, "Internal Server Error", Transient),
            (502, "Bad Gateway", Transient),
        ] {
            let expect = SendOutcome::Refused { code: code.to_string(), reason };
            assert_eq!(refusal(code, description), Some(expect), "{description}");
        }
        let limited = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 8",
            "parameters": { "retry_after": 8 } });
        let expect = SendOutcome::Refused { code: "429".to_owned(), reason: Transient };
        assert_eq!(read(&limited), Some(expect));
    }
}
