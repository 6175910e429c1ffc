//! The parameters of a GraphQL request, from a JSON body or a query string.

use async_graphql::Variables;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::super::{
    documents::{DocumentAsked, text_hash::TextHash},
    errors::{ApiError, Code},
    limits::{Limits, check_limit},
};
use super::body::{content_type, media_type};

/// The version of automatic persisted queries that clients speak.
const PERSISTED_QUERY_VERSION: u64 = 1;

/// What a client asks.
#[derive(Debug, PartialEq)]
pub struct Parameters {
    pub document: DocumentAsked,
    pub operation_name: Option<String>,
    pub variables: Variables,
}

/// Refuses a body that is not JSON in UTF-8, or is compressed. Forms and plain text must never work here: a
/// browser sends those to other sites without asking.
pub fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let unsupported = |message: &str| ApiError::new(Code::UnsupportedMediaType, message);
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("a GraphQL body must not be compressed"));
    }
    if !media_type(headers).eq_ignore_ascii_case("application/json") {
        return Err(unsupported("send `Content-Type: application/json`"));
    }
    let mut parts = content_type(headers).split(';').map(str::trim);
    let charset = parts.find_map(|part| part.to_ascii_lowercase().strip_prefix("charset=").map(str::to_owned));
    if charset.is_some_and(|charset| charset.trim_matches('"') != "utf-8") {
        return Err(unsupported("the body must be encoded in UTF-8"));
    }
    Ok(())
}

/// The parameters in the body of a POST.
pub fn from_body(body: &[u8], limits: &Limits) -> Result<Parameters, ApiError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| invalid(format!("the body is not JSON: {error}")))?;
    match value {
        Value::Object(members) => from_members(members, limits),
        Value::Array(_) => Err(ApiError::new(Code::BatchingDisabled, "send one request, not an array of them")),
        _ => Err(invalid("the body must be a JSON object with a `query` or a `documentId`")),
    }
}

/// The parameters in the query string of a GET. An empty one counts as absent.
pub fn from_query_string(query_string: &str, limits: &Limits) -> Result<Parameters, ApiError> {
    if limits.body_bytes < query_string.len() {
        let message = format!("the query string is larger than {} bytes, the limit `bodyBytes`", limits.body_bytes);
        return Err(ApiError::new(Code::PayloadTooLarge, message));
    }
    let mut members = Map::new();
    for (name, text) in form_urlencoded::parse(query_string.as_bytes()) {
        if text.is_empty() {
            continue;
        }
        let value = match name.as_ref() {
            "query" | "documentId" | "operationName" => Value::String(text.into_owned()),
            "variables" | "extensions" => parse_member(&name, &text)?,
            // Unknown parameters must be ignored.
            _ => continue,
        };
        if members.insert(name.to_string(), value).is_some() {
            return Err(invalid(format!("the parameter `{name}` is given twice")));
        }
    }
    from_members(members, limits)
}

fn parse_member(name: &str, text: &str) -> Result<Value, ApiError> {
    serde_json::from_str(text).map_err(|error| invalid(format!("the parameter `{name}` is not JSON: {error}")))
}

fn from_members(mut members: Map<String, Value>, limits: &Limits) -> Result<Parameters, ApiError> {
    let query = take_text(&mut members, "query")?;
    let document_id = take_text(&mut members, "documentId")?;
    let operation_name = take_text(&mut members, "operationName")?;
    let variables = match members.remove("variables") {
        None | Some(Value::Null) => Variables::default(),
        Some(variables @ Value::Object(_)) => {
            check_limit("variablesBytes", limits.variables_bytes, variables.to_string().len())?;
            Variables::from_json(variables)
        }
        Some(_) => return Err(invalid("the parameter `variables` must be an object")),
    };
    let hash = match members.remove("extensions") {
        None | Some(Value::Null) => None,
        Some(Value::Object(extensions)) => persisted_query(&extensions)?,
        Some(_) => return Err(invalid("the parameter `extensions` must be an object")),
    };
    let document = match (query, document_id, hash) {
        (Some(text), None, hash) => DocumentAsked::Text { text, hash },
        (None, Some(id), None) => DocumentAsked::Id(id),
        (None, None, Some(hash)) => DocumentAsked::Hash(hash),
        (None, None, None) => {
            return Err(invalid(
                "the request has no document: the parameter `query` is missing, and so is `documentId`",
            ));
        }
        (Some(_), Some(_), _) => return Err(invalid("give either `query` or `documentId`, not both")),
        (None, Some(_), Some(_)) => {
            return Err(invalid("give either `documentId` or `extensions.persistedQuery`, not both"));
        }
    };
    Ok(Parameters { document, operation_name, variables })
}

/// A parameter that is a text; an empty one counts as absent.
fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid(format!("the parameter `{name}` must be a string"))),
    }
}

/// The hash by which the extension of automatic persisted queries names a document. Other extensions are not read.
fn persisted_query(extensions: &Map<String, Value>) -> Result<Option<TextHash>, ApiError> {
    let persisted = match extensions.get("persistedQuery") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(persisted)) => persisted,
        Some(_) => return Err(invalid("`extensions.persistedQuery` must be an object")),
    };
    if persisted.get("version").and_then(Value::as_u64) != Some(PERSISTED_QUERY_VERSION) {
        let message = format!(
            "`extensions.persistedQuery.version` must be {PERSISTED_QUERY_VERSION}, the version that this server knows"
        );
        return Err(invalid(message));
    }
    let hash = persisted.get("sha256Hash").and_then(Value::as_str).and_then(TextHash::parse);
    hash.map(Some).ok_or_else(|| invalid("`extensions.persistedQuery.sha256Hash` must be 64 hexadecimal digits"))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::InvalidBody, message)
}
