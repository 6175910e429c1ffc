//! What a line of the record says. Everything in it goes through a JSON writer, so no text can end its line or forge another.

use std::net::IpAddr;

use axum::http::StatusCode;
use serde::Serialize;

use super::trace::{Counts, Noted, Question, Who, instant};
use crate::api::errors::{Code, Verdict};
use crate::model::clock::Millis;

/// What is known before anything runs.
#[derive(Clone, Debug)]
pub struct Request {
    pub at: Millis,
    pub request_id: Option<String>,
    pub remote: Option<IpAddr>,
    pub route: &'static str,
    pub method: String,
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct Ending {
    outcome: String,
    reason: Option<String>,
    codes: Vec<String>,
    status: Option<u16>,
}

impl Ending {
    /// `OK`, `PARTIAL` where errors stand beside data, else the first error's code.
    pub fn answered(status: StatusCode, verdict: Verdict) -> Self {
        let outcome = match verdict.codes.first() {
            _ if verdict.is_partial => "PARTIAL".to_owned(),
            Some(code) => code.clone(),
            // Nothing of ours answers so; a refusal must not pass for an answer all the same.
            None if status.is_client_error() || status.is_server_error() => format!("HTTP_{}", status.as_u16()),
            None => "OK".to_owned(),
        };
        Self { outcome, reason: verdict.reason, codes: verdict.codes, status: Some(status.as_u16()) }
    }

    /// Nothing was done for it, because the record could not be written.
    pub fn unrecorded() -> Self {
        let code = Code::Unavailable;
        let (outcome, codes) = (code.text().to_owned(), vec![code.text().to_owned()]);
        Self { outcome, reason: None, codes, status: Some(code.status().as_u16()) }
    }

    /// The client went away. A query was stopped; what began to change something may have been carried through.
    pub fn unanswered(writes: bool) -> Self {
        let outcome = if writes { "UNANSWERED" } else { "CANCELLED" };
        Self { outcome: outcome.to_owned(), reason: None, codes: Vec::new(), status: None }
    }
}

/// One line. The order of the fields is that of the questions: when, who, from where, what, how it ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    #[serde(serialize_with = "instant")]
    pub at: Millis,
    request_id: Option<String>,
    #[serde(flatten)]
    who: Who,
    remote: Option<IpAddr>,
    route: &'static str,
    method: String,
    operation: Option<String>,
    document: Option<String>,
    fields: Vec<String>,
    questions: Vec<Question>,
    #[serde(skip_serializing_if = "is_zero")]
    searches: usize,
    dialogs: Vec<String>,
    records: Vec<&'static str>,
    outcome: String,
    /// Why a token was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    codes: Vec<String>,
    status: Option<u16>,
    milliseconds: u64,
    /// Requests before it, of nobody known, that have no line of their own.
    #[serde(skip_serializing_if = "is_none")]
    pub left_out: u64,
    #[serde(flatten)]
    counts: Option<Counts>,
}

impl Record {
    pub fn new(request: Request, noted: Noted, ending: Ending, milliseconds: u64) -> Self {
        Self {
            at: request.at,
            request_id: request.request_id,
            who: noted.who,
            remote: request.remote,
            route: request.route,
            method: request.method,
            operation: noted.operation,
            document: noted.document,
            fields: noted.fields,
            questions: noted.questions,
            searches: noted.searches,
            dialogs: noted.dialogs,
            records: noted.records,
            outcome: ending.outcome,
            reason: ending.reason,
            codes: ending.codes,
            status: ending.status,
            milliseconds,
            left_out: 0,
            counts: noted.counts,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_none(count: &u64) -> bool {
    *count == 0
}
