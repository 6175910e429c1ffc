//! Queries of one request that are asked at the same time go to the engine together: those over the same rows in one
//! statement, different statements at once.
//!
//! What is polled together asks before any of it goes on. The first that asks leads: it lets the others ask too, then
//! takes all that is waiting. Should it be dropped, somebody else leads.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Error;
use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::Asking;
use crate::metrics::answer::Rows;
use crate::metrics::query::MetricQuery;
use crate::metrics::statement::Statement;

/// The rows of a query, or why there are none.
pub(super) type Answer = Result<Arc<Rows>, Error>;

/// Queries that wait for somebody to ask the engine.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Vec<(MetricQuery, oneshot::Sender<Answer>)>>);

impl Waiting {
    /// Adds a query; whoever is the first has to lead.
    fn add(&self, query: &MetricQuery) -> (oneshot::Receiver<Answer>, bool) {
        let (send, receive) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((query.clone(), send));
        (receive, waiting.len() == 1)
    }

    fn take(&self) -> Vec<(MetricQuery, oneshot::Sender<Answer>)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Gives up what is waiting when the one who leads is dropped, so that it asks again by itself.
struct Lead<'a>(&'a Waiting);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl Asking {
    /// The rows of a query, by a statement that others may share.
    pub(super) async fn gather(&self, query: &MetricQuery) -> Answer {
        loop {
            let (receive, leads) = self.waiting.add(query);
            if leads {
                let lead = Lead(&self.waiting);
                tokio::task::yield_now().await;
                let waiting = self.waiting.take();
                drop(lead);
                self.ask(waiting).await;
            }
            // No answer: who led is gone.
            if let Ok(answer) = receive.await {
                return answer;
            }
        }
    }

    async fn ask(&self, waiting: Vec<(MetricQuery, oneshot::Sender<Answer>)>) {
        let (queries, senders): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let (statements, places) = Statement::all_of(&queries);
        let mut waiting: Vec<Vec<oneshot::Sender<Answer>>> = statements.iter().map(|_| Vec::new()).collect();
        for (statement, sender) in places.into_iter().zip(senders) {
            waiting[statement].push(sender);
        }
        let runs = statements.iter().zip(waiting).map(|(statement, senders)| async move {
            let answers = self.run(statement).await;
            for (answer, sender) in answers.into_iter().zip(senders) {
                // Who asked may be gone.
                let _ = sender.send(answer);
            }
        });
        join_all(runs).await;
    }

    async fn run(&self, statement: &Statement) -> Vec<Answer> {
        let groups_max = self.limits.groups_read;
        match self.query(statement.sql(groups_max)).await {
            Ok(batches) => {
                let parts = statement.read(&batches, groups_max).into_iter();
                parts.map(|rows| rows.map(Arc::new).map_err(|error| self.refuse_answer(&error))).collect()
            }
            Err(error) => {
                let error = self.refuse_store(&error);
                vec![Err(error); statement.queries()]
            }
        }
    }
}
