//! Group commit: what waits for the store at the same time is written together.
//!
//! An insert costs the engine tens of milliseconds whether it has a hundred rows or ten thousand, so what had to wait does
//! not wait for an insert of its own. Each still gets its own outcome.
//!
//! Whoever has the store's turn waits a little for those who said that they are about to come, and writes for all who
//! wait. If that fails nobody is told so: each then writes alone, and pays only for its own rows. An error that is
//! about none of them is told to all, because each would only wait for the same again. Who has given up waiting is left
//! out.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as PlainMutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, oneshot};
use tokio::time::timeout;

/// How long a group waits for those who are about to come: less than what it saves them.
const GATHER: Duration = Duration::from_millis(15);

/// What is written in groups: `T` goes in, `R` is the outcome of each.
pub(super) struct Groups<T, R, E> {
    waiting: PlainMutex<VecDeque<Waiting<T, R, E>>>,
    /// Held while a group is written.
    turn: Mutex<()>,
    /// How much one group has at most, but for one that is more alone.
    weight_max: usize,
    /// The error again, where it is about none of those who are written together.
    for_all: fn(&E) -> Option<E>,
    coming: Arc<Coming>,
}

/// Those who are about to come.
#[derive(Default)]
struct Coming {
    count: AtomicUsize,
    /// Told when one has come, or will not.
    changed: Notify,
}

/// Stands for one who is about to come, until it is dropped.
pub(super) struct Announced {
    coming: Arc<Coming>,
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.coming.count.fetch_sub(1, Ordering::SeqCst);
        self.coming.changed.notify_one();
    }
}

struct Waiting<T, R, E> {
    item: T,
    weight: usize,
    /// Takes the outcome. Dropped when the item must be written alone.
    done: oneshot::Sender<Result<R, E>>,
}

impl<T, R, E> Waiting<T, R, E> {
    /// Whether anybody still waits for the outcome.
    fn waits(&self) -> bool {
        !self.done.is_closed()
    }
}

impl<T: Clone, R, E> Groups<T, R, E> {
    pub fn of(weight_max: usize) -> Self {
        Self::telling(weight_max, |_| None)
    }

    /// The same, and an error of which `for_all` makes another is told to everybody in the group.
    pub fn telling(weight_max: usize, for_all: fn(&E) -> Option<E>) -> Self {
        Self { waiting: PlainMutex::default(), turn: Mutex::default(), weight_max, for_all, coming: Arc::default() }
    }

    /// Says that an item will come.
    pub fn announce(&self) -> Announced {
        self.coming.count.fetch_add(1, Ordering::SeqCst);
        Announced { coming: Arc::clone(&self.coming) }
    }

    /// Returns when the item is written, which may have been announced. `write` writes a group and gives the outcome of each, in order.
    pub async fn write<F, W>(&self, item: T, weight: usize, announced: Option<Announced>, write: W) -> Result<R, E>
    where
        W: Fn(Vec<T>) -> F,
        F: Future<Output = Result<Vec<R>, E>>,
    {
        let (done, mut written) = oneshot::channel();
        self.lock_waiting().push_back(Waiting { item: item.clone(), weight, done });
        drop(announced);
        let _turn = self.turn.lock().await;
        loop {
            match written.try_recv() {
                Ok(outcome) => return outcome,
                // The group that it was in failed.
                Err(oneshot::error::TryRecvError::Closed) => {
                    let alone = write(vec![item]).await?.pop();
                    return Ok(alone.expect("a group of one has one outcome"));
                }
                // Nobody took it yet, so it is among the first that wait.
                Err(oneshot::error::TryRecvError::Empty) => self.write_first(&write).await,
            }
        }
    }

    /// Writes what has waited longest: as much as makes one insert.
    async fn write_first<F, W>(&self, write: &W)
    where
        W: Fn(Vec<T>) -> F,
        F: Future<Output = Result<Vec<R>, E>>,
    {
        // Nobody at all is about to come where there is one sender: it does not wait.
        let _ = timeout(GATHER, self.gather()).await;
        let group = self.take_group();
        let is_alone = group.len() == 1;
        let items = group.iter().map(|waiting| waiting.item.clone()).collect();
        let outcomes: Vec<Result<R, E>> = match write(items).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error) if is_alone => vec![Err(error)],
            // Without an error for all everybody's own attempt will tell.
            Err(error) => group.iter().map_while(|_| (self.for_all)(&error)).map(Err).collect(),
        };
        for (waiting, outcome) in group.into_iter().zip(outcomes) {
            // Nobody receives when the server shuts down; what was stored is stored.
            let _ = waiting.done.send(outcome);
        }
    }

    /// Returns when nobody is about to come, or as much waits as one group takes.
    async fn gather(&self) {
        let waits = || self.lock_waiting().iter().filter(|one| one.waits()).map(|one| one.weight).sum::<usize>();
        while 0 < self.coming.count.load(Ordering::SeqCst) && waits() < self.weight_max {
            self.coming.changed.notified().await;
        }
    }

    fn take_group(&self) -> Vec<Waiting<T, R, E>> {
        let mut waiting = self.lock_waiting();
        let mut group = Vec::new();
        let mut weight = 0;
        // Who asked may have gone long ago: where an end was slow, most have.
        waiting.retain(Waiting::waits);
        while let Some(next) = waiting.front() {
            weight += next.weight;
            if !group.is_empty() && self.weight_max < weight {
                break;
            }
            group.extend(waiting.pop_front());
        }
        group
    }

    fn lock_waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting<T, R, E>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use futures_util::future::join3;

    use super::*;

    /// What was written, group by group.
    type Written = PlainMutex<Vec<Vec<u32>>>;

    fn note(written: &Written, group: &[u32]) {
        written.lock().unwrap().push(group.to_vec());
    }

    #[tokio::test]
    async fn who_has_given_up_is_left_out() {
        let groups: Groups<u32, (), ()> = Groups::of(10);
        let (written, gate) = (Written::default(), Notify::new());
        let write = async |group: Vec<u32>| {
            note(&written, &group);
            gate.notified().await;
            Ok(vec![(); group.len()])
        };
        let mut first = pin!(groups.write(1, 1, None, write));
        assert_eq!(first.as_mut().now_or_never(), None);
        {
            let mut impatient = pin!(groups.write(2, 1, None, write));
            assert_eq!(impatient.as_mut().now_or_never(), None);
        }
        let mut last = pin!(groups.write(3, 1, None, write));
        assert_eq!(last.as_mut().now_or_never(), None);
        gate.notify_one();
        assert_eq!(first.await, Ok(()));
        assert_eq!(last.as_mut().now_or_never(), None);
        gate.notify_one();
        assert_eq!(last.await, Ok(()));
        assert_eq!(*written.lock().unwrap(), [[1], [3]]);
    }

    /// What is written of three that wait together, where it fails so.
    async fn failing(for_all: fn(&u8) -> Option<u8>) -> ((Outcome, Outcome, Outcome), Vec<Vec<u32>>) {
        let groups: Groups<u32, (), u8> = Groups::telling(10, for_all);
        let written = Written::default();
        let write = async |group: Vec<u32>| {
            note(&written, &group);
            Err(7)
        };
        let all =
            join3(groups.write(1, 1, None, write), groups.write(2, 1, None, write), groups.write(3, 1, None, write));
        let held = groups.turn.lock().await;
        let mut all = pin!(all);
        assert!(all.as_mut().now_or_never().is_none());
        drop(held);
        let outcomes = all.await;
        let written = written.lock().unwrap().clone();
        (outcomes, written)
    }

    type Outcome = Result<(), u8>;

    #[tokio::test]
    async fn what_is_about_none_of_a_group_is_told_to_all_and_else_each_tries_alone() {
        let told = (Err(7), Err(7), Err(7));
        assert_eq!(failing(|error| Some(*error)).await, (told, vec![vec![1, 2, 3]]));
        assert_eq!(failing(|_| None).await, (told, vec![vec![1, 2, 3], vec![1], vec![2], vec![3]]));
    }
}
