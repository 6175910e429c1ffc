//! Which queries run, and the thread that stops those that nobody waits for.
//!
//! ADBC cannot cancel a query in this engine; `KILL QUERY` on another connection can. A query is found in the engine's
//! list by the comment that its text begins with. Bookkeeping is separate from the engine: only the thread's loop
//! touches a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::connection::Connection;

/// How long to wait before a query that still runs is killed again: it may not have been in the engine's list yet.
const AGAIN: Duration = Duration::from_millis(20);

/// The queries between their start and their end.
#[derive(Default)]
pub(super) struct Running {
    register: Mutex<Register>,
    changed: Condvar,
}

#[derive(Default)]
struct Register {
    queries: BTreeMap<u64, Wish>,
    /// No query may start any more.
    closing: bool,
    /// The thread may end when nothing is left to stop.
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Run,
    Stop,
}

/// A query's entry; it goes away with this, however the query ends.
pub(super) struct Mark {
    running: Arc<Running>,
    number: u64,
}

/// Asks for the query's end when dropped; nothing happens if it is over.
pub(super) struct StopWhenDropped {
    running: Arc<Running>,
    number: u64,
}

/// The comment that a query's text begins with.
pub(super) fn marker(number: u64) -> String {
    format!("/* rapport query {number} */")
}

impl Running {
    /// Enters a query; `None` when the store is closing.
    pub(super) fn start(self: &Arc<Self>, number: u64) -> Option<Mark> {
        let mut register = self.lock();
        if register.closing {
            return None;
        }
        register.queries.insert(number, Wish::Run);
        Some(Mark { running: Arc::clone(self), number })
    }

    pub(super) fn stop_when_dropped(self: &Arc<Self>, number: u64) -> StopWhenDropped {
        StopWhenDropped { running: Arc::clone(self), number }
    }

    /// Stops every query and lets no other start.
    pub(super) fn stop_all(&self) {
        let mut register = self.lock();
        register.closing = true;
        for wish in register.queries.values_mut() {
            *wish = Wish::Stop;
        }
        self.changed.notify_all();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Lets the thread end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// The queries to stop, waiting until there are some; `None` when the thread shall end.
    fn next_to_stop(&self) -> Option<Vec<u64>> {
        let mut register = self.lock();
        loop {
            let to_stop = register.to_stop();
            if !to_stop.is_empty() {
                return Some(to_stop);
            }
            if register.closed {
                return None;
            }
            register = self.changed.wait(register).expect("no holder of this lock panics");
        }
    }

    /// Gives the engine time to stop them, less if all are over before.
    fn wait_for_end(&self) {
        let register = self.lock();
        let waiting = self.changed.wait_timeout_while(register, AGAIN, |register| !register.to_stop().is_empty());
        drop(waiting.expect("no holder of this lock panics"));
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.register.lock().expect("no holder of this lock panics")
    }
}

impl Register {
    fn to_stop(&self) -> Vec<u64> {
        self.queries.iter().filter(|(_, wish)| **wish == Wish::Stop).map(|(number, _)| *number).collect()
    }
}

impl Mark {
    /// Whether anybody still waits for the query.
    pub(super) fn is_wanted(&self) -> bool {
        self.running.lock().queries.get(&self.number) == Some(&Wish::Run)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.running.lock().queries.remove(&self.number);
        self.running.changed.notify_all();
    }
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        let mut register = self.running.lock();
        if let Some(wish) = register.queries.get_mut(&self.number) {
            *wish = Wish::Stop;
            self.running.changed.notify_all();
        }
    }
}

/// Starts the thread that stops queries. It ends after [`Running::close`].
pub(super) fn start_stopper(running: &Arc<Running>, mut connection: Connection) -> JoinHandle<()> {
    let running = Arc::clone(running);
    thread::Builder::new()
        .name("query-stopper".to_owned())
        .spawn(move || {
            while let Some(numbers) = running.next_to_stop() {
                for number in numbers {
                    let marker = marker(number);
                    if let Err(error) = connection.kill(&marker) {
                        tracing::warn!(number, %error, "a query could not be stopped");
                    }
                }
                running.wait_for_end();
            }
        })
        .expect("a process that starts can have one more thread")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_nobody_waits_for_is_to_be_stopped_until_it_ends() {
        let running = Arc::new(Running::default());
        let mark = running.start(7).expect("the store is open");
        assert!(mark.is_wanted());
        drop(running.stop_when_dropped(7));
        assert!(!mark.is_wanted());
        assert_eq!(running.next_to_stop(), Some(vec![7]));
        drop(mark);
        running.close();
        assert_eq!(running.next_to_stop(), None);
    }

    #[test]
    fn a_query_that_is_over_is_not_stopped() {
        let running = Arc::new(Running::default());
        drop(running.start(7));
        drop(running.stop_when_dropped(7));
        running.close();
        assert_eq!(running.next_to_stop(), None);
    }

    #[test]
    fn nothing_starts_while_closing() {
        let running = Arc::new(Running::default());
        running.stop_all();
        assert!(running.start(7).is_none());
    }
}
