//! Which queries run, and the thread that stops those that nobody waits for.
//!
//! ADBC cannot cancel a query in this engine; `KILL QUERY` on another connection can. The engine's list of queries
//! tells which connection each belongs to, and a connection has one at a time. (A comment in the text would be simpler,
//! but the engine drops comments when values are bound.) Bookkeeping is separate from the engine: only the thread's
//! loop touches a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::super::StoreError;
use super::connection::{Connection, Label};

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
    queries: BTreeMap<u64, Entry>,
    /// No query may start any more.
    closing: bool,
    /// The thread may end when nothing is left to stop.
    closed: bool,
}

struct Entry {
    /// The label of the connection that it runs on.
    reader: Label,
    wish: Wish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Running {
    /// Enters a query; `None` when the store is closing.
    pub(super) fn start(self: &Arc<Self>, number: u64, reader: Label) -> Option<Mark> {
        let mut register = self.lock();
        if register.closing {
            return None;
        }
        register.queries.insert(number, Entry { reader, wish: Wish::Run });
        Some(Mark { running: Arc::clone(self), number })
    }

    pub(super) fn stop_when_dropped(self: &Arc<Self>, number: u64) -> StopWhenDropped {
        StopWhenDropped { running: Arc::clone(self), number }
    }

    /// Stops every query and lets no other start.
    pub(super) fn stop_all(&self) {
        let mut register = self.lock();
        register.closing = true;
        for entry in register.queries.values_mut() {
            entry.wish = Wish::Stop;
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
    fn next_to_stop(&self) -> Option<Vec<(u64, Label)>> {
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

    fn is_running(&self, number: u64) -> bool {
        self.lock().queries.contains_key(&number)
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.register.lock().expect("no holder of this lock panics")
    }
}

impl Register {
    fn to_stop(&self) -> Vec<(u64, Label)> {
        let to_stop = self.queries.iter().filter(|(_, entry)| entry.wish == Wish::Stop);
        to_stop.map(|(number, entry)| (*number, entry.reader)).collect()
    }
}

impl Mark {
    /// Whether anybody still waits for the query.
    pub(super) fn is_wanted(&self) -> bool {
        self.running.lock().queries.get(&self.number).is_some_and(|entry| entry.wish == Wish::Run)
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
        if let Some(entry) = register.queries.get_mut(&self.number) {
            entry.wish = Wish::Stop;
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
            while let Some(queries) = running.next_to_stop() {
                for (number, reader) in queries {
                    if let Err(error) = stop(&running, &mut connection, number, reader) {
                        tracing::warn!(number, %error, "a query could not be stopped");
                    }
                }
                running.wait_for_end();
            }
        })
        .expect("a process that starts can have one more thread")
}

/// Kills what runs on a query's connection, unless the query is over.
fn stop(running: &Running, connection: &mut Connection, number: u64, reader: Label) -> Result<(), StoreError> {
    let ids = connection.find_queries(reader)?;
    // The next query of that connection starts only when this one has left the register. So if it is still there now,
    // what was found cannot be the next one.
    if running.is_running(number) {
        for id in ids {
            connection.kill(&id)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: Label = Label(3);

    #[test]
    fn a_query_that_nobody_waits_for_is_to_be_stopped_until_it_ends() {
        let running = Arc::new(Running::default());
        let mark = running.start(7, READER).expect("the store is open");
        assert!(mark.is_wanted());
        drop(running.stop_when_dropped(7));
        assert!(!mark.is_wanted());
        assert_eq!(running.next_to_stop(), Some(vec![(7, READER)]));
        drop(mark);
        running.close();
        assert_eq!(running.next_to_stop(), None);
    }

    #[test]
    fn a_query_that_is_over_is_not_stopped() {
        let running = Arc::new(Running::default());
        drop(running.start(7, READER));
        drop(running.stop_when_dropped(7));
        running.close();
        assert_eq!(running.next_to_stop(), None);
    }

    #[test]
    fn nothing_starts_while_closing() {
        let running = Arc::new(Running::default());
        running.stop_all();
        assert!(running.start(7, READER).is_none());
    }
}
