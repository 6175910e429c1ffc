//! What MAX answers to a send: the message it took, or why it did not.

use serde_json::Value;

use super::instant;
use crate::ingest::connector::{SendOutcome, json};
use crate::model::event::{FailureReason, Scalar};

/// The answer as it came. `None` for one that tells of no message.
pub fn read(answer: &Value) -> Option<SendOutcome> {
    if let Some(message) = json::text(answer, "/message/body/mid") {
        let at = match instant(answer, &["/message/timestamp"]) {
            Some(Scalar::Number(millis)) => millis.as_i64(),
            Some(Scalar::Text(_) | Scalar::Other(_)) | None => None,
        };
        return Some(SendOutcome::Taken { message, chat: json::text(answer, "/message/recipient/chat_id"), at });
    }
    let code = json::text(answer, "/code")?;
    let words = json::text(answer, "/message").unwrap_or_default().to_lowercase();
    Some(SendOutcome::Refused { reason: reason(&code.to_lowercase(), &words), code })
}

/// MAX publishes no list of its codes; these are told by those who met them. A suspended dialog is one whose bot the client
/// stopped.
fn reason(code: &str, words: &str) -> FailureReason {
    if [code, words].iter().any(|text| text.contains("dialog.suspended")) {
        return FailureReason::OptOut;
    }
    match code {
        "chat.denied" | "chat.not.found" | "dialog.not.found" | "error.dialog.notfound" | "user.not.found" => {
            FailureReason::Recipient
        }
        "verify.token" | "unauthorized" => FailureReason::Sender,
        "too.many.requests" | "service.unavailable" | "service.timeout" | "internal.error" | "attachment.not.ready" => {
            FailureReason::Transient
        }
        _ if words.contains("dialog.notfound") => FailureReason::Recipient,
        _ => FailureReason::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_that_was_taken_is_named_with_its_chat_and_time() {
        let answer = |timestamp: i64| {
            json!({ "message": { "body": { "mid": "mid.00c1", "seq": 116_200_000_000_000_001_i64 }, "timestamp": timestamp,
                "recipient": { "chat_id": -7_264, "chat_type": "dialog", "user_id": 55 } } })
        };
        let taken = SendOutcome::Taken {
            message: "mid.00c1".to_owned(),
            chat: Some("-7264".to_owned()),
            at: Some(1_777_633_200_000),
        };
        assert_eq!(read(&answer(1_777_633_200_000)), Some(taken.clone()));
        assert_eq!(read(&answer(1_777_633_200)), Some(taken));
        let bare = SendOutcome::Taken { message: "m".to_owned(), chat: None, at: None };
        assert_eq!(read(&json!({ "message": { "body": { "mid": "m" } } })), Some(bare));
    }

    #[test]
    fn a_refusal_is_sorted_by_its_code_and_words() {
        use FailureReason::*;
        for (code, message, reason) in [
            ("chat.denied", "error.dialog.suspended", OptOut),
            ("error.dialog.suspended", "", OptOut),
            ("chat.denied", "no access", Recipient),
            ("chat.not.found", "", Recipient),
            ("verify.token", "Invalid access_token", Sender),
            ("too.many.requests", "", Transient),
            ("proto.payload", "text is empty", Unknown),
        ] {
            let expect = SendOutcome::Refused { code: code.to_owned(), reason };
            assert_eq!(read(&json!({ "code": code, "message": message })), Some(expect), "{code} {message}");
        }
    }

    #[test]
    fn an_answer_that_names_no_message_is_none() {
        for other in [json!({}), json!([]), json!({ "success": true }), json!({ "message": {} })] {
            assert_eq!(read(&other), None, "{other}");
        }
    }
}
