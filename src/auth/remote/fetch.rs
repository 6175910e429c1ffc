//! One question to a source of keys: what may come back, and what is made of it.

use std::path::Path;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use crate::auth::jwks::{DOCUMENT_BYTES_MAX, KeySet, SetError};
use crate::outbound::{Address, Bounds, OutboundError, Question, Target, TrustError};

/// Requests wait for it where there are no keys yet.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// Where an issuer publishes its keys.
pub struct Source {
    pub(super) target: Target,
}

impl Source {
    /// # Errors
    /// When there are no certificates to know the source by.
    pub fn new(url: Address, ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let bounds = Bounds { time_max: FETCH_TIME_MAX, body_bytes_max: DOCUMENT_BYTES_MAX };
        Ok(Self { target: Target::new(url, ca_file, bounds)? })
    }

    pub fn url(&self) -> &Address {
        self.target.address()
    }

    /// Asks the source once.
    ///
    /// # Errors
    /// When there is no answer in time, or it is no key set.
    pub async fn fetch(&self) -> Result<KeySet, FetchError> {
        let question = Question::get(self.url().path_and_query())
            .with(header::ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
        let answer = self.target.ask(question).await.map_err(|error| match error {
            OutboundError::TooLarge { .. } => FetchError::Set(SetError::TooLarge),
            error => FetchError::Outbound(error),
        })?;
        if answer.status != StatusCode::OK {
            return Err(FetchError::Status { status: answer.status });
        }
        Ok(KeySet::parse(&answer.body)?)
    }
}

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Outbound(OutboundError),
    #[error("the answer is {status}; only 200 is accepted, and redirects are not followed")]
    Status { status: StatusCode },
    #[error("fetching broke off inside")]
    Broken,
    #[error(transparent)]
    Set(#[from] SetError),
}
