//! What CRMs do not push is asked for: fakes of them on this machine, a real engine, and a clock that the tests turn.

pub mod fake_crm;
mod histories;
pub mod lookups;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rapport::ingest::Ingest;
use rapport::ingest::connection::Connection;
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, Payload, platform};
use rapport::ingest::errands::Runner;
use rapport::ingest::receive::Received;
use rapport::model::clock::{Clock, Millis};
use serde_json::Value;

use crate::engine::{TestStore, shown, store};
use crate::world::instant;

/// Far ahead: the engine forgets what is old by the machine's own clock.
const NOW: &str = "2035-03-01T12:00:00Z";

#[derive(Debug)]
struct TurnedClock(AtomicI64);

impl Clock for TurnedClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

/// A way in whose time is ours.
struct House {
    store: Arc<TestStore>,
    clock: Arc<TurnedClock>,
    ingest: Ingest,
}

impl House {
    async fn new() -> Self {
        Self::over(Arc::new(store().await), instant(NOW))
    }

    /// The same after a restart.
    fn over(store: Arc<TestStore>, now: Millis) -> Self {
        let clock = Arc::new(TurnedClock(AtomicI64::new(now)));
        Self { ingest: Ingest::new(store.clone(), clock.clone()), store, clock }
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    /// A step of the runner at its time. Gives how long it wants to wait.
    async fn step(&self, runner: &mut Runner) -> Millis {
        runner.step().await.expect("the store is open") - self.now()
    }

    /// Steps, each when it is due, until the runner wants to wait for longer than this.
    async fn step_until_it_waits(&self, runner: &mut Runner, longer_than: Millis) {
        for _ in 0..100 {
            let wait = self.step(runner).await;
            if longer_than < wait {
                return;
            }
            self.clock.0.fetch_add(wait, Ordering::Relaxed);
        }
        panic!("a hundred steps, and still no rest");
    }

    fn turn_by(&self, milliseconds: Millis) {
        self.clock.0.fetch_add(milliseconds, Ordering::Relaxed);
    }

    async fn receive(&self, connection: &Arc<Connection>, content_type: &str, body: &str) -> Received {
        let payload = Payload { body: body.as_bytes(), content_type, received_at: self.now() };
        self.ingest.receive(connection, payload).await.expect("the store takes it")
    }

    fn runner(&self, connection: &Arc<Connection>) -> Option<Runner> {
        Runner::new(&self.ingest, connection).expect("this machine needs no certificates")
    }

    async fn pending(&self, connection: &Connection) -> u64 {
        let waiting = self.ingest.waiting_lookups().await.expect("the store counts");
        waiting.iter().find(|waiting| waiting.connection == connection.name).map_or(0, |waiting| waiting.lookups)
    }

    /// What the events say of people: contact and other names.
    async fn links(&self) -> String {
        let statement = "SELECT concat(contact, ' = ', arrayStringConcat(arraySort(identities), ', ')) AS link FROM events \
                         WHERE kind = 'contact.linked' ORDER BY link";
        shown(self.store.as_ref(), statement).await.replace("link: ", "").replace("\n\n", "\n")
    }

    async fn archived(&self) -> String {
        let statement = "SELECT count() AS payloads, sum(accepted) AS accepted, countIf(trouble != '') AS troubled FROM raw_payloads";
        shown(self.store.as_ref(), statement).await.replace('\n', " ").trim().to_owned()
    }
}

fn connection(platform_name: &str, options: &Value) -> Arc<Connection> {
    let platform = platform(platform_name).expect("a platform");
    let options = Options::new(options.as_object().expect("an object").clone());
    let accounts = Accounts::new(vec!["garden".to_owned()]).expect("a name");
    Arc::new(Connection::open(("crm", "acme"), platform, accounts, options, 30).expect("sound options"))
}
