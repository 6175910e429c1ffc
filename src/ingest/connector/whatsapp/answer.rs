//! What the Cloud API answers to a send.

use serde_json::Value;

use super::{failure, json};
use crate::ingest::connector::SendOutcome;
use crate::model::event::FailureReason;

/// `None` where it is no such answer.
pub fn read(answer: &Value) -> Option<SendOutcome> {
    if let Some(code) = json::text(answer, "/error/code") {
        let reason = code.parse().map_or(FailureReason::Unknown, failure::reason);
        return Some(SendOutcome::Refused { code, reason });
    }
    let message = json::text(answer, "/messages/0/id")?;
    // What was sent to (`input`) can be written in many ways; the chat is what Meta calls it.
    let chat = json::text(answer, "/contacts/0/wa_id").or_else(|| json::text(answer, "/contacts/0/user_id"));
    Some(SendOutcome::Taken { message, chat, at: None })
}
