//! The parameters of a GraphQL request, from a JSON body or a query string.

use async_graphql::Variables;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::super::{
    errors::{ApiError, Code},
    limits::{Limits, check_limit},
};

/// What a client asks.
#[derive(Debug, Default, PartialEq)]
pub struct Parameters {
    pub query: String,
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
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().eq_ignore_ascii_case("application/json") {
        return Err(unsupported("send `Content-Type: application/json`"));
    }
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
        _ => Err(invalid("the body must be a JSON object with a `query`")),
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
            "query" | "operationName" => Value::String(text.into_owned()),
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
    let query = match members.remove("query") {
        Some(Value::String(query)) if !query.is_empty() => query,
        None | Some(Value::Null | Value::String(_)) => return Err(invalid("the parameter `query` is missing")),
        Some(_) => return Err(invalid("the parameter `query` must be a string")),
    };
    let operation_name = match members.remove("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
        Some(_) => return Err(invalid("the parameter `operationName` must be a string")),
    };
    let variables = match members.remove("variables") {
        None | Some(Value::Null) => Variables::default(),
        Some(variables @ Value::Object(_)) => {
            check_limit("variablesBytes", limits.variables_bytes, variables.to_string().len())?;
            Variables::from_json(variables)
        }
        Some(_) => return Err(invalid("the parameter `variables` must be an object")),
    };
    // Nothing is read from extensions, but the shape is checked, as the draft asks.
    match members.remove("extensions") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(_) => return Err(invalid("the parameter `extensions` must be an object")),
    }
    Ok(Parameters { query, operation_name, variables })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::InvalidBody, message)
}
