//! Reading a body that is neither too large nor too slow.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::super::errors::{ApiError, Code};

/// A limit on bytes and its name in the API.
#[derive(Clone, Copy, Debug)]
pub struct BytesLimit {
    pub name: &'static str,
    pub bytes: usize,
}

/// The whole body, which must arrive within `time` and have at most `limit` bytes as sent.
pub async fn read_body(body: Body, headers: &HeaderMap, limit: BytesLimit, time: Duration) -> Result<Bytes, ApiError> {
    let BytesLimit { name, bytes: bytes_max } = limit;
    let too_large = || {
        let message = format!("the body is larger than {bytes_max} bytes, the limit `{name}`");
        ApiError::new(Code::PayloadTooLarge, message)
    };
    // The client says how much will come; that saves reading it.
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| bytes_max as u64 <= announced.saturating_sub(1)) {
        return Err(too_large());
    }
    match tokio::time::timeout(time, Limited::new(body, bytes_max).collect()).await {
        Err(_) => {
            let message = format!("the body did not arrive within {} s, the limit `bodySeconds`", time.as_secs());
            Err(ApiError::new(Code::RequestTimeout, message))
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::new(Code::InvalidBody, "the body broke off")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}
