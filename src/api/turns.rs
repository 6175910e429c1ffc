//! Turns at what only few can use at once: fair among tenants, then among the bearers of one tenant, then by arrival.
//!
//! A request can ask for dozens of statements at once. In a plain queue whoever asks most holds all connections; here the
//! next turn is that of the tenant that has the fewest running, so that a newcomer waits for one statement at most.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::bearers::{Bearer, Counts};

/// The turns at one thing.
#[derive(Clone)]
pub struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    running: Counts,
    waiting: VecDeque<(Bearer, oneshot::Sender<Turn>)>,
}

/// A turn that somebody has; dropped, it goes to the next.
pub struct Turn {
    turns: Turns,
    bearer: Bearer,
}

impl Turns {
    /// So many turns at once.
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: at_once.max(1), running: Counts::default(), waiting: VecDeque::new() })))
    }

    /// Waits for a turn.
    pub async fn take(&self, bearer: &Bearer) -> Turn {
        loop {
            let receive = {
                let mut state = self.lock();
                if 0 < state.free && state.waiting.is_empty() {
                    return self.begin(&mut state, bearer.clone());
                }
                let (send, receive) = oneshot::channel();
                state.waiting.push_back((bearer.clone(), send));
                receive
            };
            // The sender is kept until it has sent; should it ever not be, asking again is right.
            if let Ok(turn) = receive.await {
                return turn;
            }
        }
    }

    fn begin(&self, state: &mut State, bearer: Bearer) -> Turn {
        state.free -= 1;
        state.running.enter(&bearer);
        Turn { turns: self.clone(), bearer }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what is free to those who wait.
    fn hand_on(&self) {
        loop {
            let (turn, send) = {
                let mut state = self.lock();
                // Whoever is gone must not be handed anything: each turn that comes back would call this again.
                state.waiting.retain(|(_, send)| !send.is_closed());
                if state.free == 0 {
                    return;
                }
                let Some(next) = state.next() else { return };
                let Some((bearer, send)) = state.waiting.remove(next) else { return };
                (self.begin(&mut state, bearer), send)
            };
            // Should who waited be gone by now, the turn comes back by being dropped, outside the lock.
            drop(send.send(turn));
        }
    }
}

impl State {
    /// The first among those whose tenant, and then who themselves, have the fewest turns.
    fn next(&self) -> Option<usize> {
        (0..self.waiting.len()).min_by_key(|index| self.running.of(&self.waiting[*index].0))
    }

    fn end(&mut self, bearer: &Bearer) {
        self.free += 1;
        self.running.leave(bearer);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.lock().end(&self.bearer);
        self.turns.hand_on();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::Poll;

    use futures_util::FutureExt;
    use futures_util::future::poll_immediate;

    use super::*;

    fn bearer(tenant: &str, sub: &str) -> Bearer {
        Bearer::for_test(tenant, sub)
    }

    type Waiting = Pin<Box<dyn Future<Output = Turn>>>;

    async fn wait(turns: &Turns, tenant: &'static str, sub: &'static str) -> Waiting {
        let turns = turns.clone();
        let mut waiting = async move { turns.take(&bearer(tenant, sub)).await }.boxed_local();
        assert!(poll_immediate(&mut waiting).await.is_none(), "{tenant} {sub} had to wait");
        waiting
    }

    async fn has_turn(waiting: &mut Waiting) -> Option<Turn> {
        futures_util::future::poll_fn(|context| match waiting.poll_unpin(context) {
            Poll::Ready(turn) => Poll::Ready(Some(turn)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn the_next_turn_is_that_of_the_tenant_and_then_the_bearer_that_has_fewest() {
        let turns = Turns::new(3);
        let first = turns.take(&bearer("busy", "a")).await;
        let second = turns.take(&bearer("busy", "a")).await;
        let _third = turns.take(&bearer("busy", "a")).await;
        let mut again = wait(&turns, "busy", "a").await;
        let mut colleague = wait(&turns, "busy", "b").await;
        let mut newcomer = wait(&turns, "new", "c").await;
        drop(first);
        let newcomers = has_turn(&mut newcomer).await.expect("the newcomer is next, though it came last");
        assert!(has_turn(&mut again).await.is_none() && has_turn(&mut colleague).await.is_none());
        drop(second);
        let _colleagues = has_turn(&mut colleague).await.expect("then who has none of the tenant's own");
        assert!(has_turn(&mut again).await.is_none());
        drop(newcomers);
        assert!(has_turn(&mut again).await.is_some());
    }

    #[tokio::test]
    async fn who_no_longer_waits_loses_nobody_a_turn() {
        let turns = Turns::new(1);
        let first = turns.take(&bearer("t", "a")).await;
        let gone = wait(&turns, "t", "b").await;
        let mut patient = wait(&turns, "t", "c").await;
        drop(gone);
        drop(first);
        let turn = has_turn(&mut patient).await.expect("the turn went on");
        drop(turn);
        assert!(turns.lock().running.is_empty() && turns.lock().free == 1);
    }

    #[tokio::test]
    async fn a_turn_that_was_given_and_not_taken_comes_back() {
        let turns = Turns::new(1);
        let first = turns.take(&bearer("t", "a")).await;
        let given = wait(&turns, "t", "b").await;
        drop(first);
        drop(given);
        assert_eq!(turns.lock().free, 1);
    }
}
