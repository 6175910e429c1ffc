//! Reading a body that is neither too large nor too slow.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
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
    read_body_into(body, headers, limit, time, &mut Unbounded).await
}

/// How many bytes the client says will come.
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// What the client says that the body is, with its parameters.
pub fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The same without its parameters, as it is written.
pub fn media_type(headers: &HeaderMap) -> &str {
    content_type(headers).split(';').next().unwrap_or_default().trim()
}

/// What a body takes up while it arrives.
pub trait Room: Send {
    /// Takes room for so many bytes more.
    fn take(&mut self, bytes: usize) -> impl Future<Output = Result<(), ApiError>> + Send;
}

/// Room that was taken before, or is bounded by the limit alone.
struct Unbounded;

impl Room for Unbounded {
    async fn take(&mut self, _bytes: usize) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The same, and takes room for each piece of it before it is kept: who announces much and sends nothing holds nothing.
pub async fn read_body_into(
    body: Body,
    headers: &HeaderMap,
    limit: BytesLimit,
    time: Duration,
    room: &mut impl Room,
) -> Result<Bytes, ApiError> {
    let BytesLimit { name, bytes: bytes_max } = limit;
    let too_large = || {
        let message = format!("the body is larger than {bytes_max} bytes, the limit `{name}`");
        ApiError::new(Code::PayloadTooLarge, message)
    };
    // The client says how much will come; that saves reading it.
    if announced(headers).is_some_and(|announced| bytes_max as u64 <= announced.saturating_sub(1)) {
        return Err(too_large());
    }
    let reading = async {
        let mut body = Limited::new(body, bytes_max);
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
                Err(_) => return Err(ApiError::new(Code::InvalidBody, "the body broke off")),
                Ok(frame) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    room.take(piece.len()).await?;
                    whole.extend_from_slice(&piece);
                }
            }
        }
        Ok(whole.freeze())
    };
    match tokio::time::timeout(time, reading).await {
        Ok(read) => read,
        Err(_) => {
            let message = format!("the body did not arrive within {} s, the limit `bodySeconds`", time.as_secs());
            Err(ApiError::new(Code::RequestTimeout, message))
        }
    }
}
