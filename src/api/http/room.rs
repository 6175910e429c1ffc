//! Room in memory for bodies that are on their way in: each takes what has come of it, and no more.
//!
//! Nothing is taken for what is only announced, unless the route expects that it comes: whoever announces much and sends slowly
//! would keep the others out. How much room there is, and whose, is for the routes to say.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tracing::Instrument;

use super::body::Room;
use crate::api::errors::ApiError;

/// What one body holds of the rooms, as long as it is there.
pub struct Place {
    /// Semaphores of KiB; a body takes its KiB of each.
    rooms: Vec<Arc<Semaphore>>,
    /// How long a piece waits for room.
    patience: Duration,
    /// What is said when there is none.
    refuse: fn() -> ApiError,
    taken: Vec<OwnedSemaphorePermit>,
    /// Bytes that are taken with the first piece.
    expected: usize,
    bytes: usize,
    kib: usize,
}

impl Place {
    pub fn within(rooms: Vec<Arc<Semaphore>>, patience: Duration, refuse: fn() -> ApiError) -> Self {
        Self { rooms, patience, refuse, taken: Vec::new(), expected: 0, bytes: 0, kib: 0 }
    }

    /// Takes so many bytes with the first piece, where that is known to be fair: bodies that each have a part of what they
    /// need would wait for each other.
    #[must_use]
    pub fn expecting(mut self, bytes: usize) -> Self {
        self.expected = bytes;
        self
    }
}

impl Room for Place {
    async fn take(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let wanted = self.bytes.max(self.expected).div_ceil(1024).max(1);
        let more = u32::try_from(wanted.saturating_sub(self.kib)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        for room in &self.rooms {
            let taking = tokio::time::timeout(self.patience, Arc::clone(room).acquire_many_owned(more)).await;
            self.taken.push(taking.ok().and_then(Result::ok).ok_or_else(self.refuse)?);
        }
        self.kib = wanted;
        Ok(())
    }
}

/// Carries work through to its end, also when nobody waits for it any more, and holds what it needs until then: who hangs up
/// does not take its bytes out of memory.
///
/// # Errors
/// When the work panics.
pub async fn carry_through<Held, Work>(held: Held, work: Work) -> Result<Work::Output, JoinError>
where
    Held: Send + 'static,
    Work: Future<Output: Send> + Send + 'static,
{
    let carried = async move {
        let done = work.await;
        drop(held);
        done
    };
    tokio::spawn(carried.in_current_span()).await
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_immediate;

    use super::*;
    use crate::api::errors::Code;

    fn refuse() -> ApiError {
        ApiError::unavailable("full", 1)
    }

    #[tokio::test]
    async fn a_body_holds_what_has_come_of_it_until_it_goes() {
        let room = Arc::new(Semaphore::new(4));
        let place = || Place::within(vec![Arc::clone(&room)], Duration::ZERO, refuse);
        let (mut first, mut second) = (place(), place());
        for (bytes, left) in [(1, 3), (1023, 3), (1, 2), (2048, 0)] {
            first.take(bytes).await.expect("there is room");
            assert_eq!(room.available_permits(), left);
        }
        assert_eq!(second.take(1).await.expect_err("it is full").code, Code::Unavailable);
        drop(first);
        second.take(4095).await.expect("there is room again");
    }

    #[tokio::test]
    async fn who_hangs_up_frees_nothing_before_the_work_is_done() {
        let room = Arc::new(Semaphore::new(1));
        let mut place = Place::within(vec![Arc::clone(&room)], Duration::ZERO, refuse);
        place.take(1).await.expect("there is room");
        let (go_on, told) = tokio::sync::oneshot::channel::<()>();
        let mut waiting = Box::pin(carry_through(place, told));
        assert!(poll_immediate(&mut waiting).await.is_none(), "it works");
        drop(waiting);
        tokio::task::yield_now().await;
        assert_eq!(room.available_permits(), 0);
        go_on.send(()).expect("the work goes on though nobody waits");
        let _next = room.acquire().await.expect("there is room again");
    }

    #[tokio::test]
    async fn what_is_expected_is_taken_with_the_first_piece_and_once() {
        let room = Arc::new(Semaphore::new(4));
        let mut place = Place::within(vec![Arc::clone(&room)], Duration::ZERO, refuse).expecting(3 * 1024);
        assert_eq!(room.available_permits(), 4, "nothing has come");
        for (bytes, left) in [(1, 1), (3071, 1), (1, 0)] {
            place.take(bytes).await.expect("there is room");
            assert_eq!(room.available_permits(), left);
        }
    }
}
