//! A name for each request, and the net under its handler: a panic becomes an INTERNAL error with that name.
//!
//! The client's own `X-Request-Id` is not taken over: it would let a client write into our log.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Extension,
    extract::{Request, State},
    http::HeaderValue,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use super::super::errors::ApiError;
use crate::model::clock::Millis;

/// The name of one request in answers and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Makes the names: when the server started, and a count.
#[derive(Debug)]
pub struct RequestIds {
    started: Millis,
    count: AtomicU64,
}

impl RequestIds {
    pub fn new(started: Millis) -> Self {
        Self { started, count: AtomicU64::new(0) }
    }

    pub fn next(&self) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        RequestId(format!("{:x}-{count:x}", self.started).into())
    }
}

/// The outermost layer of the router.
pub async fn name_request(State(ids): State<Arc<RequestIds>>, mut request: Request, next: Next) -> Response {
    let id = ids.next();
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(id.text()) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// The innermost layer: an answer to a panic is recorded and has its headers as any other has.
pub async fn contain_panic(Extension(id): Extension<RequestId>, request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => ApiError::internal(&id, &panic_message(panic.as_ref())).into_response(),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}
