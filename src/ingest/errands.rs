//! Errands: what platforms do not tell by themselves is asked for in the background, and comes in as a payload like others.
//!
//! One task a connection. What to ask and what an answer means, the connector says ([`super::connector::errands`]); when,
//! [`rhythm`]; what is still to be asked stands in the store ([`stored`]), so that a restart goes on where it was. An errand
//! is noted as done after its answer is stored: a crash in between asks again, and repeats are known by their ids. Nobody
//! waits for this module, and it knows no platform.

mod rhythm;
pub(super) mod stored;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use self::rhythm::{Outcome, Rhythm};
use self::stored::Pending;
pub use self::stored::{Waiting, read_waiting, select_waiting};
use super::connection::Connection;
use super::connector::Payload;
use super::connector::errands::{Ask, Errand, Errands, Rest, Verdict, wrap};
use super::{Ingest, IngestError, raw};
use crate::model::clock::Millis;
use crate::outbound::{Bounds, RetryAfter, Target, TrustError, with_causes};
use crate::store::StoreError;

/// A page of a hundred orders with all that they have stays below a megabyte.
const BOUNDS: Bounds = Bounds { time_max: Duration::from_secs(30), body_bytes_max: 8 << 20 };

/// Asks one connection's platform.
pub struct Runner {
    ingest: Ingest,
    connection: Arc<Connection>,
    errands: Arc<dyn Errands>,
    target: Target,
    rhythm: Rhythm,
    histories: Vec<History>,
}

struct History {
    name: &'static str,
    /// When there may be something new.
    due: Millis,
}

/// An errand, and what is noted when it is done.
enum Task {
    LookUp(Pending),
    Page { history: usize, after: Option<u64> },
}

impl Ingest {
    /// What the payloads of all connections have named that was not asked for yet.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn waiting_lookups(&self) -> Result<Vec<Waiting>, StoreError> {
        let sql = select_waiting(None, self.door.clock.now());
        read_waiting(&self.door.store.query(sql).await?)
    }
}

impl Runner {
    /// `None` where the platform tells everything by itself.
    ///
    /// # Errors
    /// When there are no certificates to know the platform by.
    pub fn new(ingest: &Ingest, connection: &Arc<Connection>) -> Result<Option<Self>, TrustError> {
        let Some(errands) = connection.connector.errands() else { return Ok(None) };
        let place = errands.place();
        let target = Target::new(place.address.clone(), place.ca_file.as_deref(), BOUNDS)?;
        let histories = errands.histories().iter().map(|name| History { name, due: Millis::MIN }).collect();
        Ok(Some(Self {
            ingest: ingest.clone(),
            connection: Arc::clone(connection),
            errands,
            target,
            rhythm: Rhythm::default(),
            histories,
        }))
    }

    /// Waits no longer than this for an answer.
    pub fn limit_time(&mut self, time_max: Duration) {
        self.target.bounds.time_max = time_max;
    }

    /// Runs one errand, if there is one, and says when the next step is due.
    ///
    /// # Errors
    /// When the store is closed. All else is told in the log, and tried again.
    pub async fn step(&mut self) -> Result<Millis, StoreError> {
        let outcome = match self.run_next().await {
            Ok(outcome) => outcome,
            Err(IngestError::Store(StoreError::Closed)) => return Err(StoreError::Closed),
            Err(error) => {
                self.connection.health.note_unanswered(self.now());
                let error: &dyn Error = &error;
                tracing::error!(connection = self.connection.name, error, "an errand was not stored; it is run again");
                Outcome::Failed { retry_after: None }
            }
        };
        let next = self.rhythm.next(outcome, self.now(), self.errands.place());
        Ok(match (outcome, self.histories.iter().map(|history| history.due).min()) {
            (Outcome::Idle, Some(due)) => next.min(due.max(self.now())),
            _ => next,
        })
    }

    /// Runs errands for as long as the store is open.
    pub async fn keep_up(mut self) {
        while let Ok(next) = self.step().await {
            let wait = next.saturating_sub(self.now());
            tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
        }
    }

    async fn run_next(&mut self) -> Result<Outcome, IngestError> {
        let Some(task) = self.next_task().await? else { return Ok(Outcome::Idle) };
        let errand = match &task {
            Task::LookUp(pending) => Errand::LookUp { lookup: pending.lookup.clone() },
            Task::Page { history, after } => Errand::Page { history: self.histories[*history].name, after: *after },
        };
        let Some(ask) = self.errands.ask(&errand) else {
            // A lookup names somebody's id, which no log keeps.
            let what = match &errand {
                Errand::LookUp { .. } => "lookup",
                Errand::Page { history, .. } => history,
            };
            tracing::warn!(connection = self.connection.name, what, "the platform cannot be asked for this");
            self.note_done(&task, None).await?;
            return Ok(Outcome::Worked);
        };
        let Ask { method, id, question } = ask;
        let answer = match self.target.ask(question).await {
            Ok(answer) => answer,
            Err(error) => return self.fail(&task, method, &with_causes(&error), None).await,
        };
        let verdict = self.errands.judge(&errand, &answer);
        match &verdict {
            Verdict::Refused { reason } => return self.set_aside(&task, method, reason).await,
            Verdict::Later { reason } => return self.fail(&task, method, reason, answer.retry_after).await,
            Verdict::Nothing => {}
            Verdict::Told | Verdict::Page { .. } => {
                let now = self.now();
                let body = wrap(self.connection.platform.name, (method, &id), now, &answer.body);
                let payload = Payload { body: &body, content_type: "application/json", received_at: now };
                let received = self.ingest.receive(&self.connection, payload).await?;
                self.connection.health.note_received(now, &received);
                if let Some(reason) = received.unreadable {
                    let connection = &self.connection.name;
                    let reason = raw::without_values(&reason);
                    tracing::warn!(connection, method, reason, "a part of an answer cannot be read; it is archived");
                }
            }
        }
        self.note_done(&task, Some(&verdict)).await?;
        self.connection.health.note_answered(self.now());
        Ok(Outcome::Worked)
    }

    /// What was named comes before histories: somebody waits for it.
    async fn next_task(&self) -> Result<Option<Task>, IngestError> {
        let (store, now) = (self.ingest.door.store.as_ref(), self.now());
        if let Some(pending) = stored::next(store, &self.connection, now).await? {
            return Ok(Some(Task::LookUp(pending)));
        }
        let due = (0..self.histories.len()).filter(|index| self.histories[*index].due <= now);
        let Some(history) = due.min_by_key(|index| self.histories[*index].due) else { return Ok(None) };
        let after = stored::position(store, &self.connection, &self.position_name(history)).await?;
        Ok(Some(Task::Page { history, after }))
    }

    async fn note_done(&mut self, task: &Task, verdict: Option<&Verdict>) -> Result<(), IngestError> {
        let (store, now) = (self.ingest.door.store.as_ref(), self.now());
        match task {
            Task::LookUp(pending) => stored::settle(store, &self.connection, pending).await?,
            Task::Page { history, .. } => {
                let mut due = now.saturating_add(self.errands.place().every);
                if let Some(Verdict::Page { position, rest }) = verdict {
                    stored::move_to(store, &self.connection, &self.position_name(*history), *position, now).await?;
                    if *rest == Rest::More {
                        due = now;
                    }
                }
                self.histories[*history].due = due;
            }
        }
        Ok(())
    }

    /// The errand stays what it is, to be run again. A lookup goes behind the others, and so does a history, so that it does
    /// not keep them from being asked for.
    async fn fail(
        &mut self,
        task: &Task,
        method: &str,
        reason: &str,
        retry_after: Option<RetryAfter>,
    ) -> Result<Outcome, IngestError> {
        let (connection, place) = (&self.connection.name, self.target.address());
        tracing::warn!(connection, %place, method, reason, "the platform did not answer; it is asked again");
        self.connection.health.note_unanswered(self.now());
        if let Task::Page { history, .. } = task {
            self.histories[*history].due = self.now();
        }
        self.postpone(task, self.now()).await?;
        Ok(Outcome::Failed { retry_after })
    }

    /// The platform answers, and not about this one: nothing of it says that others have to wait.
    async fn set_aside(&self, task: &Task, method: &str, reason: &str) -> Result<Outcome, IngestError> {
        let (connection, place) = (&self.connection.name, self.target.address());
        tracing::warn!(connection, %place, method, reason, "the platform refuses this one; it is asked again in an hour");
        self.postpone(task, self.now().saturating_add(stored::REFUSED_REST_MS)).await?;
        self.connection.health.note_answered(self.now());
        Ok(Outcome::Worked)
    }

    async fn postpone(&self, task: &Task, not_before: Millis) -> Result<(), IngestError> {
        match task {
            Task::LookUp(pending) => {
                stored::postpone(self.ingest.door.store.as_ref(), &self.connection, pending, not_before).await
            }
            Task::Page { .. } => Ok(()),
        }
    }

    /// A position is of one account's history: a connection that is given another account begins anew.
    fn position_name(&self, history: usize) -> String {
        format!("{}{}", self.target.address(), self.histories[history].name)
    }

    fn now(&self) -> Millis {
        self.ingest.door.clock.now()
    }
}

/// Runs the errands of all for as long as the store is open. One that breaks off does not end the others.
pub async fn keep_up(runners: Vec<Runner>) {
    let mut running = JoinSet::new();
    for runner in runners {
        running.spawn(runner.keep_up());
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            let error: &dyn Error = &error;
            tracing::error!(error, "the errands of a connection broke off; they go on after a restart");
        }
    }
}
