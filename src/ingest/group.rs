//! Group commit: what waits for the store at the same time is written together.
//!
//! An insert costs the engine tens of milliseconds whether it has a hundred rows or ten thousand, so what had to wait does
//! not wait for an insert of its own. Each still gets its own outcome.
//!
//! Whoever has the store's turn waits a little for those who said that they are about to come, and writes for all who wait. If that fails nobody is told so: each then writes alone, and
//! pays only for its own rows.

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

impl<T: Clone, R, E> Groups<T, R, E> {
    pub fn of(weight_max: usize) -> Self {
        Self { waiting: PlainMutex::default(), turn: Mutex::default(), weight_max, coming: Arc::default() }
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
            // Everybody's own attempt will tell.
            Err(_) => return,
        };
        for (waiting, outcome) in group.into_iter().zip(outcomes) {
            // Nobody receives when the server shuts down; what was stored is stored.
            let _ = waiting.done.send(outcome);
        }
    }

    /// Returns when nobody is about to come, or as much waits as one group takes.
    async fn gather(&self) {
        let waits = || self.lock_waiting().iter().map(|waiting| waiting.weight).sum::<usize>();
        while 0 < self.coming.count.load(Ordering::SeqCst) && waits() < self.weight_max {
            self.coming.changed.notified().await;
        }
    }

    fn take_group(&self) -> Vec<Waiting<T, R, E>> {
        let mut waiting = self.lock_waiting();
        let mut group = Vec::new();
        let mut weight = 0;
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
