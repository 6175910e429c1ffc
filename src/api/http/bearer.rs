//! The token of a request: from `Authorization: Bearer` and from nowhere else.
//!
//! Never from the query string or a cookie: the one is logged by every proxy, the other is sent by any page.

use axum::http::{HeaderMap, header};

use super::super::errors::{ApiError, Code};
use crate::auth::{Authenticator, Viewer};

/// The one who sent these headers.
pub async fn authenticate(authenticator: &Authenticator, headers: &HeaderMap) -> Result<Viewer, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let refuse = |reason: &str, message: &str| ApiError {
        reason: Some(reason.to_owned()),
        ..ApiError::new(Code::Unauthenticated, message)
    };
    let missing = || refuse("MISSING", "send a token: `Authorization: Bearer …`; `rapport token` makes one");
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(refuse("SEVERAL", "there are several Authorization headers"));
    }
    let text = value.to_str().map_err(|_| refuse("NOT_TEXT", "the Authorization header is not plain text"))?;
    let token = match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => token.trim(),
        _ => return Err(refuse("NOT_BEARER", "the Authorization header must be `Bearer` and a token")),
    };
    Ok(authenticator.verify(token).await?)
}
