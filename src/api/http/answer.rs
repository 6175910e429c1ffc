//! From the library's response to bytes: codes on every error, at most so many of them, the right status.

use std::collections::BTreeMap;

use async_graphql::{ErrorExtensionValues, Name, Response as GraphqlResponse, ServerError, Value};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{accept::Media, request_id::RequestId};
use crate::api::{
    errors::{ApiError, Code, Verdict},
    execution::Progress,
    limits::Limits,
    rates::Spent,
};

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
    /// Absent when execution never began; `null` when an error reached the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// `cost`, `stale`, and how many errors `limits.errors` cut off.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: BTreeMap<String, Value>,
}

/// The answer to a request that reached the schema.
pub fn answer(
    mut response: GraphqlResponse,
    progress: &Progress,
    media: Media,
    (limits, spent): (&Limits, Spent),
    request_id: &RequestId,
) -> Response {
    let mut extensions = response.extensions;
    let cost = [("points", spent.points), ("left", spent.left), ("perMinute", limits.cost_per_minute)];
    let cost = cost.map(|(name, points)| (Name::new(name), Value::from(points))).into_iter().collect();
    extensions.insert("cost".to_owned(), Value::Object(cost));
    let omitted = response.errors.len().saturating_sub(limits.errors);
    if 0 < omitted {
        extensions.insert("errorsOmitted".to_owned(), omitted.into());
    }
    response.errors.truncate(limits.errors);
    for error in &mut response.errors {
        set_code(error, progress, request_id);
    }
    let status = if progress.began() || media == Media::Json { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let verdict = verdict(&response.errors, progress.began() && response.data != Value::Null);
    let body = Body { errors: response.errors, data: progress.began().then_some(response.data), extensions };
    match serde_json::to_string(&body) {
        Ok(text) => {
            let headers = [(header::CONTENT_TYPE, media.content_type())];
            (status, axum::Extension(verdict), headers, text).into_response()
        }
        Err(error) => refuse(ApiError::internal(request_id, &error), media),
    }
}

/// The answer to a request that did not reach the schema, or did not come back from it.
pub fn refuse(error: ApiError, media: Media) -> Response {
    let is_legacy = media == Media::Json && error.code.is_about_document();
    let status = if is_legacy { StatusCode::OK } else { error.code.status() };
    error.into_response_as(media.content_type(), status)
}

/// What the audit log keeps of the answer.
fn verdict(errors: &[ServerError], has_data: bool) -> Verdict {
    let mut codes: Vec<String> = Vec::new();
    for error in errors {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        match code {
            Some(Value::String(code)) if !codes.contains(code) => codes.push(code.clone()),
            _ => {}
        }
    }
    Verdict { is_partial: has_data && !codes.is_empty(), codes, reason: None }
}

/// Before execution an error without a code is the library's verdict on the document. During execution it is a
/// failure that nobody foresaw, so its text is for the log alone.
fn set_code(error: &mut ServerError, progress: &Progress, request_id: &RequestId) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_some() {
        return;
    }
    if !progress.began() {
        extensions.set("code", Code::InvalidQuery.text());
        return;
    }
    let opaque = ApiError::internal(request_id, &error.message);
    extensions.set("code", opaque.code.text());
    error.message = opaque.message;
}
