//! Group commit: what waits for the store at the same time is written together.
//!
//! An insert costs the engine tens of milliseconds whether it has a hundred rows or ten thousand, so what had to wait does
//! not wait for an insert of its own. Each still gets its own outcome.
//!
//! Whoever has the store's turn writes for all who wait. If that fails nobody is told so: each then writes alone, and
//! pays only for its own rows.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex as PlainMutex, PoisonError};

use tokio::sync::{Mutex, oneshot};

/// What is written in groups: `T` goes in, `R` is the outcome of each.
pub(super) struct Groups<T, R, E> {
    waiting: PlainMutex<VecDeque<Waiting<T, R, E>>>,
    /// Held while a group is written.
    turn: Mutex<()>,
    /// How much one group has at most, but for one that is more alone.
    weight_max: usize,
}

struct Waiting<T, R, E> {
    item: T,
    weight: usize,
    /// Takes the outcome. Dropped when the item must be written alone.
    done: oneshot::Sender<Result<R, E>>,
}

impl<T: Clone, R, E> Groups<T, R, E> {
    pub fn of(weight_max: usize) -> Self {
        Self { waiting: PlainMutex::default(), turn: Mutex::default(), weight_max }
    }

    /// Returns when the item is written. `write` writes a group and gives the outcome of each, in order.
    pub async fn write<F, W>(&self, item: T, weight: usize, write: W) -> Result<R, E>
    where
        W: Fn(Vec<T>) -> F,
        F: Future<Output = Result<Vec<R>, E>>,
    {
        let (done, mut written) = oneshot::channel();
        self.lock_waiting().push_back(Waiting { item: item.clone(), weight, done });
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
