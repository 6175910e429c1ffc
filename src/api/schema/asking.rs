//! One request's way to the engine: who asks, when, and every statement once.

mod business_hours;
mod freshness;
mod gathering;
mod retained;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use async_graphql::Error;
use chrono_tz::Tz;
use futures_util::future::join_all;
use tokio::sync::OnceCell;

use crate::api::arrival::Arrival;
use crate::api::audit::Trace;
use crate::api::bearers::Bearer;
use crate::api::errors::{ApiError, Code};
use crate::api::http::request_id::RequestId;
use crate::api::limits::{Limits, REJECTED_TEXT_BYTES_MAX, check_limit};
use crate::api::turns::Turns;
use crate::auth::{Seal, Viewer};
use crate::ingest::Ingest;
use crate::ingest::connection::Connections;
use crate::ingest::derive::Derivation;
use crate::ingest::queued::Intake;
use crate::metrics::answer::{self, AnswerError, Line, Rows};
use crate::metrics::catalogue::Metric;
use crate::metrics::compile::estimate;
use crate::metrics::query::{Grouping, MetricQuery, QueryError, Question, check_readers};
use crate::metrics::statement::Statement;
use crate::model::clock::Millis;
use crate::model::{Readers, Scope};
use crate::sql::Sql;
use crate::store::{Store, StoreError};

pub use self::freshness::STALE;
pub use self::retained::RETENTION;
use super::refused;

/// What all requests share.
pub struct House {
    /// The zone of questions that name none.
    pub default_zone: Tz,
    pub derivation: Derivation,
    pub turns: Turns,
    /// Makes and checks cursors.
    pub seal: Seal,
    /// By which platforms send.
    pub ways_in: Connections,
    /// Takes in again what was rejected, and erases contacts.
    pub ingest: Ingest,
    /// Says what waits before the store.
    pub intake: Intake,
}

/// What the resolvers of one request share.
pub struct Asking {
    pub viewer: Viewer,
    /// One instant for the whole request, so that its parts agree.
    pub now: Millis,
    pub default_zone: Tz,
    pub limits: Arc<Limits>,
    pub request_id: RequestId,
    /// Where it is noted what was asked for, for the audit log.
    pub trace: Arc<Trace>,
    /// Makes and checks cursors.
    pub seal: Seal,
    pub ways_in: Connections,
    pub ingest: Ingest,
    pub intake: Intake,
    store: Arc<dyn Store>,
    freshness: freshness::Freshness,
    turns: Turns,
    bearer: Bearer,
    /// What was asked, by the statement that answers it.
    answers: Mutex<HashMap<String, Arc<OnceCell<gathering::Answer>>>>,
    waiting: gathering::Waiting,
    business_hours: business_hours::Found,
    /// How many rows a statement reads.
    estimates: Mutex<HashMap<String, Arc<OnceCell<u64>>>>,
    /// Lines that were handed out.
    lines: AtomicUsize,
    explanations: AtomicUsize,
    /// Pages and counts of records that were asked for, and the connections that they are of.
    pages: AtomicUsize,
    connections: AtomicUsize,
    /// Bytes of the texts of rejected events that were read and shown.
    texts: AtomicU64,
}

impl Asking {
    pub fn new(arrival: &Arrival, now: Millis, house: &House) -> Self {
        Self {
            viewer: arrival.viewer.clone(),
            bearer: arrival.bearer.clone(),
            now,
            default_zone: house.default_zone,
            limits: Arc::clone(&arrival.limits),
            request_id: arrival.request_id.clone(),
            trace: Arc::clone(&arrival.trace),
            seal: house.seal.clone(),
            ways_in: house.ways_in.clone(),
            ingest: house.ingest.clone(),
            intake: house.intake.clone(),
            store: Arc::clone(house.derivation.store()),
            freshness: freshness::Freshness::of(house.derivation.clone()),
            turns: house.turns.clone(),
            answers: Mutex::default(),
            waiting: gathering::Waiting::default(),
            business_hours: business_hours::Found::default(),
            estimates: Mutex::default(),
            lines: AtomicUsize::new(0),
            explanations: AtomicUsize::new(0),
            pages: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            texts: AtomicU64::new(0),
        }
    }

    /// What the viewer may read.
    ///
    /// # Errors
    /// When its role reads nothing.
    pub fn scope(&self) -> Result<Scope, Error> {
        let role = self.viewer.role();
        self.viewer.scope().ok_or_else(|| refused(Code::Forbidden, Readers::Everyone.refusal("analytics", role)))
    }

    /// Whether the viewer's role may read something of the rows in sight.
    pub fn may_read(&self, readers: Readers) -> bool {
        readers.include(self.viewer.role())
    }

    /// Refuses when a number is not for the viewer's role.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_reader(&self, metric: &'static Metric) -> Result<(), Error> {
        check_readers(&self.scope()?, &[metric]).map_err(|error| self.refuse_query(&error))
    }

    /// Those of the metrics that the viewer's role may read.
    pub fn readable(&self, mut metrics: Vec<&'static Metric>) -> Vec<&'static Metric> {
        metrics.retain(|metric| self.may_read(metric.readers));
        metrics
    }

    /// Answers a question; others that are asked at the same time share its statements where they can.
    ///
    /// # Errors
    /// When the question is refused or the engine fails.
    pub async fn answer(
        &self,
        question: &Question,
        metrics: &[&'static Metric],
        grouping: &Grouping,
    ) -> Result<Vec<Line>, Error> {
        let queries = MetricQuery::plan(question, metrics, grouping, self.limits.series_points)
            .map_err(|error| self.refuse_query(&error))?;
        // All to their end: one that fails must not take away what others wait for.
        let parts = join_all(queries.iter().map(|query| self.rows(query))).await;
        let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut lines =
            answer::merge(question, grouping, &queries, &parts).map_err(|error| self.refuse_answer(&error))?;
        self.warn_of_retention(question, &mut lines);
        if let Some(warning) = self.staleness() {
            lines.iter_mut().for_each(|line| line.metrics.quality.warnings.push(warning.clone()));
        }
        Ok(lines)
    }

    /// The rows of a query; one that this request has asked before is not asked again.
    async fn rows(&self, query: &MetricQuery) -> Result<Arc<Rows>, Error> {
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // Text and values together name a query; both are printed exactly.
            let names: Vec<&str> = query.metrics().iter().map(|metric| metric.name).collect();
            let key = format!("{} {names:?} {:?}", query.family().name, self.statement(query));
            Arc::clone(answers.entry(key).or_default())
        };
        // What failed is not asked again either.
        cell.get_or_init(|| self.gather(query)).await.clone()
    }

    /// The statement that answers a query by itself.
    fn statement(&self, query: &MetricQuery) -> Sql {
        Statement::alone(query).sql(self.limits.groups_read)
    }

    /// The statements that answer the question by themselves.
    ///
    /// # Errors
    /// When the question is refused.
    pub fn statements(
        &self,
        question: &Question,
        metrics: &[&'static Metric],
        grouping: &Grouping,
    ) -> Result<Vec<Sql>, Error> {
        let queries = MetricQuery::plan(question, metrics, grouping, self.limits.series_points)
            .map_err(|error| self.refuse_query(&error))?;
        Ok(queries.iter().map(|query| self.statement(query)).collect())
    }

    /// How many rows the engine expects to read for a statement; asked once a request.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn rows_read(&self, statement: &Sql) -> Result<u64, Error> {
        let cell = {
            let mut estimates = self.estimates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Arc::clone(estimates.entry(format!("{statement:?}")).or_default())
        };
        let rows = cell.get_or_try_init(|| async {
            let batches = self.read(estimate(statement)).await.map_err(|error| self.refuse_store(&error))?;
            answer::read_estimate(&batches).map_err(|error| self.refuse_answer(&error))
        });
        rows.await.copied()
    }

    /// Counts an explanation: each is as long as its statements.
    ///
    /// # Errors
    /// When the request has had its explanations.
    pub fn count_explanation(&self) -> Result<(), Error> {
        let before = self.explanations.fetch_add(1, Ordering::Relaxed);
        Ok(check_limit("explanations", self.limits.explanations, before.saturating_add(1))?)
    }

    /// Counts the lines of a part of the answer. A statement that ran once can be shown under many aliases, so the limit
    /// is the request's.
    ///
    /// # Errors
    /// When the request has had its lines.
    pub fn count_lines(&self, lines: usize) -> Result<(), Error> {
        let before = self.lines.fetch_add(lines, Ordering::Relaxed);
        Ok(check_limit("lines", self.limits.lines, before.saturating_add(lines))?)
    }

    /// Counts a connection of records: under each step of a series it costs time before any statement runs.
    ///
    /// # Errors
    /// When the request has had its pages.
    pub fn count_connection(&self) -> Result<(), Error> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(check_limit("pages", self.limits.pages, before.saturating_add(1))?)
    }

    /// Counts bytes of texts of rejected events, before they are read or shown: a text can be a million bytes, and a
    /// request can name it under many aliases.
    ///
    /// # Errors
    /// When the request has had its texts.
    pub fn count_texts(&self, bytes: u64) -> Result<(), Error> {
        let count = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let before = self.texts.fetch_add(bytes, Ordering::Relaxed);
        Ok(check_limit("rejectedTextBytes", count(REJECTED_TEXT_BYTES_MAX), count(before.saturating_add(bytes)))?)
    }

    /// Runs a statement about records. Each costs as much as a number's, and a request can ask for them under every step
    /// of a series, so they are counted.
    ///
    /// # Errors
    /// When the request has had its pages, or the engine fails.
    pub async fn fetch(&self, statement: Sql) -> Result<Vec<RecordBatch>, Error> {
        let before = self.pages.fetch_add(1, Ordering::Relaxed);
        check_limit("pages", self.limits.pages, before.saturating_add(1))?;
        self.query(statement).await.map_err(|error| self.refuse_store(&error))
    }

    /// Runs a statement about what is no row of a fact.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn look_up(&self, statement: Sql) -> Result<Vec<RecordBatch>, Error> {
        self.read(statement).await.map_err(|error| self.refuse_store(&error))
    }

    /// What is wrong inside the house: told by its id alone.
    pub fn refuse_inside(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        ApiError::internal(&self.request_id, error).into()
    }

    pub fn refuse_query(&self, error: &QueryError) -> Error {
        match error {
            QueryError::NotForRole { .. } => refused(Code::Forbidden, error.to_string()),
            QueryError::TooManyDimensions { .. } | QueryError::Calendar(_) => {
                refused(Code::LimitExceeded, error.to_string())
            }
            _ => refused(Code::InvalidQuery, error.to_string()),
        }
    }

    pub fn refuse_answer(&self, error: &AnswerError) -> Error {
        match error {
            AnswerError::TooManyGroups { .. } => refused(Code::LimitExceeded, error.to_string()),
            AnswerError::Column { .. } | AnswerError::Calendar(_) => ApiError::internal(&self.request_id, error).into(),
        }
    }

    fn refuse_store(&self, error: &StoreError) -> Error {
        ApiError::of_store(&self.request_id, error).into()
    }
}
