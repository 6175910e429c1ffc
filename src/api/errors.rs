//! The table of error codes, and the error that every handler returns.
//!
//! GraphQL and the REST routes answer with the same codes in the same place, `errors[].extensions.code`. What went
//! wrong inside is never told to a client: it is logged once, under the id of the request.

use std::fmt;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::http::request_id::RequestId;
use crate::auth::AuthError;
use crate::ingest::IngestError;
use crate::ingest::queued::{MessageError, QueueError};
use crate::store::StoreError;

/// Every code that a client can meet. Clients switch on these, so a code is never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    Unauthenticated,
    Forbidden,
    InvalidQuery,
    LimitExceeded,
    TrustedDocumentsOnly,
    DocumentNotFound,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
    InvalidBody,
    BatchingDisabled,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    RequestTimeout,
    PayloadTooLarge,
    UnsupportedMediaType,
    RateLimited,
    Timeout,
    Unavailable,
    Internal,
}

impl Code {
    pub const ALL: [Self; 20] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::InvalidQuery,
        Self::LimitExceeded,
        Self::TrustedDocumentsOnly,
        Self::DocumentNotFound,
        Self::PersistedQueryNotFound,
        Self::PersistedQueryNotSupported,
        Self::InvalidBody,
        Self::BatchingDisabled,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Timeout,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The one table: text, HTTP status, documentation.
    fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::Unauthenticated => {
                ("UNAUTHENTICATED", StatusCode::UNAUTHORIZED, "There is no valid token; the message says why.")
            }
            Self::Forbidden => ("FORBIDDEN", StatusCode::FORBIDDEN, "The token's role may not do or read this."),
            Self::InvalidQuery => (
                "INVALID_QUERY",
                StatusCode::BAD_REQUEST,
                "The query does not parse, does not fit the schema, or an argument has an impossible value.",
            ),
            Self::LimitExceeded => (
                "LIMIT_EXCEEDED",
                StatusCode::BAD_REQUEST,
                "The query asks for more than a limit allows; the message names the limit, its value and what was asked.",
            ),
            Self::TrustedDocumentsOnly => (
                "TRUSTED_DOCUMENTS_ONLY",
                StatusCode::BAD_REQUEST,
                "The server runs only the documents of its manifest, and this is none of them.",
            ),
            Self::DocumentNotFound => (
                "DOCUMENT_NOT_FOUND",
                StatusCode::BAD_REQUEST,
                "The server's manifest has no document with this id or hash.",
            ),
            Self::PersistedQueryNotFound => (
                "PERSISTED_QUERY_NOT_FOUND",
                StatusCode::BAD_REQUEST,
                "No document is kept under this hash; send it once with its text.",
            ),
            Self::PersistedQueryNotSupported => (
                "PERSISTED_QUERY_NOT_SUPPORTED",
                StatusCode::BAD_REQUEST,
                "The server keeps no documents under their hashes; send the text.",
            ),
            Self::InvalidBody => {
                ("INVALID_BODY", StatusCode::BAD_REQUEST, "The body or a parameter is not what the route expects.")
            }
            Self::BatchingDisabled => (
                "BATCHING_DISABLED",
                StatusCode::BAD_REQUEST,
                "The body is an array of GraphQL requests; send them one by one.",
            ),
            Self::NotFound => ("NOT_FOUND", StatusCode::NOT_FOUND, "There is no such route, connection or backup."),
            Self::MethodNotAllowed => (
                "METHOD_NOT_ALLOWED",
                StatusCode::METHOD_NOT_ALLOWED,
                "The route does not take this method; mutations need POST.",
            ),
            Self::NotAcceptable => (
                "NOT_ACCEPTABLE",
                StatusCode::NOT_ACCEPTABLE,
                "The Accept header allows none of the media types that the route has.",
            ),
            Self::RequestTimeout => {
                ("REQUEST_TIMEOUT", StatusCode::REQUEST_TIMEOUT, "The body of the request arrived too slowly.")
            }
            Self::PayloadTooLarge => {
                ("PAYLOAD_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than the route allows.")
            }
            Self::UnsupportedMediaType => (
                "UNSUPPORTED_MEDIA_TYPE",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The route does not read this Content-Type or Content-Encoding.",
            ),
            Self::RateLimited => (
                "RATE_LIMITED",
                StatusCode::TOO_MANY_REQUESTS,
                "The token or its tenant has asked for too much in a minute, or at once; try again after Retry-After.",
            ),
            Self::Timeout => (
                "TIMEOUT",
                StatusCode::SERVICE_UNAVAILABLE,
                "The query took too long and was stopped; ask for a shorter range or fewer groups.",
            ),
            Self::Unavailable => (
                "UNAVAILABLE",
                StatusCode::SERVICE_UNAVAILABLE,
                "The store, the queue, or the keys of the token's issuer, cannot be had now; try again after Retry-After.",
            ),
            Self::Internal => (
                "INTERNAL",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something failed inside; the log has it under the request id in the message.",
            ),
        }
    }

    /// What stands in `extensions.code`.
    pub fn text(self) -> &'static str {
        self.row().0
    }

    pub fn status(self) -> StatusCode {
        self.row().1
    }

    /// One sentence for the documentation.
    pub fn documentation(self) -> &'static str {
        self.row().2
    }

    /// Whether the fault lies in the GraphQL document. GraphQL over HTTP answers these with 200 to a client that
    /// accepts only `application/json`.
    pub fn is_about_document(self) -> bool {
        matches!(
            self,
            Self::InvalidQuery
                | Self::LimitExceeded
                | Self::TrustedDocumentsOnly
                | Self::DocumentNotFound
                | Self::PersistedQueryNotFound
                | Self::PersistedQueryNotSupported
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

/// A refusal or failure as the client sees it.
///
/// It has no `Display` on purpose: async-graphql turns everything that has one into an error without a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub code: Code,
    pub message: String,
    /// Seconds, for the codes that pass.
    pub retry_after: Option<u32>,
    /// The methods that are allowed instead, for `MethodNotAllowed`.
    pub allow: Option<&'static str>,
    /// Why a token was refused, by a name for the audit log.
    pub reason: Option<String>,
}

/// What the audit log keeps of an answer; it stands in the answer's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The codes of its errors, each once.
    pub codes: Vec<String>,
    /// There is data beside the errors.
    pub is_partial: bool,
    pub reason: Option<String>,
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, allow: None, reason: None }
    }

    /// A failure of ours: the cause goes to the log, its id to the client.
    pub fn internal(request_id: &RequestId, cause: &dyn fmt::Display) -> Self {
        tracing::error!(request_id = request_id.text(), cause = %cause, "a request failed inside");
        Self::new(Code::Internal, format!("something failed inside; the request id is {}", request_id.text()))
    }

    /// What an answer depends on cannot be had at present.
    pub fn unavailable(message: impl Into<String>, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Code::Unavailable, message) }
    }

    /// What it means to a sender that its events were not taken in.
    pub fn of_ingest(request_id: &RequestId, error: &IngestError) -> Self {
        match error {
            IngestError::Store(error) => Self::of_store(request_id, error),
            IngestError::Queue(error @ QueueError::TooLarge { .. }) => {
                Self::new(Code::PayloadTooLarge, error.to_string())
            }
            IngestError::Message(error @ MessageError::Large { .. }) => {
                Self::new(Code::PayloadTooLarge, error.to_string())
            }
            IngestError::Queue(error @ QueueError::Full { .. }) => Self::unavailable(error.to_string(), 30),
            IngestError::Erasing => Self::unavailable(error.to_string(), 30),
            IngestError::Queue(error) => {
                // Where the queue is, and what it says, is for those who run it.
                tracing::warn!(request_id = %request_id.text(), %error, "the queue did not take a request");
                Self::unavailable("the queue does not answer: nothing was taken in, send it again", 5)
            }
            error => Self::internal(request_id, error),
        }
    }

    /// What the store's failure means to a client.
    pub fn of_store(request_id: &RequestId, error: &StoreError) -> Self {
        match error {
            StoreError::TimedOut { .. } => Self::new(Code::Timeout, error.to_string()),
            StoreError::TooMuchMemory { .. } | StoreError::TooManyRows { .. } => {
                Self::new(Code::LimitExceeded, format!("{error}: take a shorter range or fewer groups"))
            }
            StoreError::Busy { .. }
            | StoreError::DiskFull
            | StoreError::NoMemory
            | StoreError::NoDescriptors
            | StoreError::Closed => Self::unavailable(error.to_string(), 5),
            // Which hosts there are is nobody's business outside.
            StoreError::Unreachable { .. } => {
                tracing::error!(request_id = request_id.text(), %error, "the store is away");
                Self::unavailable("the store cannot be reached now", 5)
            }
            StoreError::WrongColumns { .. } | StoreError::NoShard { .. } | StoreError::Engine { .. } => {
                Self::internal(request_id, error)
            }
        }
    }

    pub fn method_not_allowed(message: impl Into<String>, allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, message) }
    }

    /// The `errors` body that GraphQL and REST share.
    pub fn body(&self) -> serde_json::Value {
        json!({"errors": [{"message": self.message, "extensions": {"code": self.code.text()}}]})
    }

    /// The answer with this body type and status, and the headers that the code calls for.
    pub fn into_response_as(self, content_type: &'static str, status: StatusCode) -> Response {
        let mut response = (status, [(header::CONTENT_TYPE, content_type)], self.body().to_string()).into_response();
        let verdict = Verdict { codes: vec![self.code.text().to_owned()], is_partial: false, reason: self.reason };
        response.extensions_mut().insert(verdict);
        let headers = response.headers_mut();
        if self.code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.code.status();
        self.into_response_as("application/json; charset=utf-8", status)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            // Nobody knows whether the token is good, so the client must not be told that it is not.
            AuthError::KeysUnavailable { retry_after_seconds } => {
                Self::unavailable(error.to_string(), retry_after_seconds)
            }
            error => Self { reason: Some(error.name()), ..Self::new(Code::Unauthenticated, error.to_string()) },
        }
    }
}

/// So that a resolver can use `?` and the code arrives in `extensions`.
impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        let mut graphql_error = Self::new(error.message);
        let extensions = graphql_error.extensions.get_or_insert_default();
        extensions.set("code", error.code.text());
        if let Some(seconds) = error.retry_after {
            extensions.set("retryAfterSeconds", seconds);
        }
        graphql_error
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_text_and_a_sentence() {
        let texts: HashSet<&str> = Code::ALL.iter().map(|code| code.text()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.documentation().ends_with('.'), "{code}");
            assert!(code.status().as_u16() >= 400, "{code}");
            assert!(code.text().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{code}");
        }
    }

    #[test]
    fn a_resolvers_error_keeps_its_code() {
        let error: async_graphql::Error = ApiError::unavailable("the store restarts", 2).into();
        let extensions = error.extensions.unwrap();
        assert_eq!(extensions.get("code"), Some(&async_graphql::Value::from("UNAVAILABLE")));
        assert_eq!(extensions.get("retryAfterSeconds"), Some(&async_graphql::Value::from(2)));
    }
}
