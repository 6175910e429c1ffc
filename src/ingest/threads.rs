//! Where work that keeps a processor busy is done: on a thread of its own, so that nobody else waits for it, but for so little of
//! it that handing it over would take longer.

use std::future::{Ready, ready};

use futures_util::future::Either;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

/// How much work there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// A fraction of a millisecond.
    Little,
    Much,
}

impl Amount {
    /// Of so many items at most, where that is known.
    pub fn of(items_max: Option<usize>) -> Self {
        match items_max {
            Some(0..=64) => Self::Little,
            _ => Self::Much,
        }
    }
}

/// The outcome of the work, which is begun at once.
pub(super) fn work<T: Send + 'static>(
    amount: Amount,
    work: impl FnOnce() -> T + Send + 'static,
) -> Either<Ready<Result<T, JoinError>>, JoinHandle<T>> {
    match amount {
        Amount::Little => Either::Left(ready(Ok(work()))),
        Amount::Much => Either::Right(spawn_blocking(work)),
    }
}
