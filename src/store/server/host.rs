//! One request to one host, and what its failure means. It never asks twice.

use std::fmt;
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use clickhouse::error::Error as ClientError;
use clickhouse::{Client, Compression};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as HttpClient, Error as HttpError};
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::ClientConfig;

use super::super::limits::Limits;
use super::super::refusal::{parse, read_error, write_error};
use super::super::settings::{FOR_LONG_STATEMENTS, QUERY_BYTES};
use super::super::token::Token;
use super::super::{StoreError, refusal};
use super::address::{Login, ServerConfig};
use super::arrow_stream;
use super::statement::Parameterised;
use crate::sql::{Sql, Value};

/// How long to wait for a connection: a host in the same region answers within milliseconds, one that is gone never.
const CONNECT: Duration = Duration::from_secs(2);
/// A server closes a connection that nothing uses after three seconds; one that closes while a request is on its way fails it.
const IDLE: Duration = Duration::from_secs(2);
/// A change may take long, but not for ever: the largest merge that is asked for takes half a minute.
const CHANGE: Duration = Duration::from_secs(900);
/// Bytes that are compressed and sent at once.
const PIECE_BYTES: usize = 1 << 20;

/// A host, and who is who there.
pub(super) struct Host {
    pub name: String,
    writer: Client,
    reader: Client,
    /// Who reads, without the setting that holds it to that.
    reader_unheld: Client,
}

/// Why a host did not do it.
#[derive(Debug)]
pub(super) enum Failure {
    /// It never had the request.
    Away(String),
    /// It had the request and did not answer: nobody knows whether it did it.
    Silent(String),
    /// It says no; another would say the same.
    Refused(StoreError),
}

/// Codes by which a server says that it, and not the statement, is in trouble, before it has begun.
const BEFORE: [i32; 2] = [refusal::TOO_MANY_SIMULTANEOUS_QUERIES, refusal::NO_FREE_CONNECTION];
/// The same when it may have begun: it stops, it has lost others, or its table cannot be written now.
const MEANWHILE: [i32; 6] = [
    refusal::SOCKET_TIMEOUT,
    refusal::NETWORK_ERROR,
    refusal::ABORTED,
    refusal::TABLE_IS_READ_ONLY,
    refusal::ALL_CONNECTION_TRIES_FAILED,
    refusal::KEEPER_EXCEPTION,
];

impl Host {
    pub fn new(name: &str, config: &ServerConfig, limits: &Limits, tls: ClientConfig) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
        let http = HttpClient::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
        let client = Client::with_http_client(http)
            .with_url(name)
            .with_database(&config.database)
            .with_compression(Compression::Lz4)
            .with_product_info("rapport", env!("CARGO_PKG_VERSION"));
        let known_as = |login: &Login| client.clone().with_user(&login.user).with_password(&login.password);
        let writer = [
            // The tables that follow from one insert are written side by side.
            ("parallel_view_processing", 1),
            // A repeated insert is none for the tables that follow either.
            ("deduplicate_blocks_in_dependent_materialized_views", 1),
            ("async_insert", 0),
        ];
        let reader = [
            // The user may be one that can write: it reads here, and this cannot be set back. 2, for what follows are settings.
            ("readonly", 2),
            ("cancel_http_readonly_queries_on_client_close", 1),
            ("max_execution_time", limits.seconds),
            ("max_memory_usage", limits.memory_bytes),
            ("max_rows_to_read", limits.rows_read),
            ("max_result_rows", limits.rows_returned),
            ("max_threads", limits.threads as u64),
        ];
        let asking = config.reader.as_ref().unwrap_or(&config.login);
        Self {
            name: name.to_owned(),
            writer: with_settings(known_as(&config.login), &writer),
            reader: with_settings(known_as(asking), &reader),
            reader_unheld: with_settings(known_as(asking), &[]),
        }
    }

    /// Asks for the whole answer of a reading statement.
    pub async fn query(&self, statement: &Sql, id: &str, limits: &Limits) -> Result<Vec<RecordBatch>, Failure> {
        let question = Parameterised::of(statement).ask(&self.reader).with_setting("query_id", id);
        self.collect(question, |text| read_error(text, statement.values(), limits)).await
    }

    /// The same as the user that writes, and without limits.
    pub async fn look_up(&self, statement: &Sql) -> Result<Vec<RecordBatch>, Failure> {
        let question = Parameterised::of(statement).ask(&self.writer);
        self.collect(question, |text| write_error(text, statement.values())).await
    }

    async fn collect(
        &self,
        question: clickhouse::query::Query,
        refused: impl Fn(&str) -> StoreError,
    ) -> Result<Vec<RecordBatch>, Failure> {
        let answer = async { question.fetch_bytes("ArrowStream")?.collect().await };
        let bytes = answer.await.map_err(|error| Failure::of(&error, refused))?;
        // What is cut off is an answer that did not come.
        arrow_stream::read(&bytes).map_err(|error| Failure::Silent(error.to_string()))
    }

    /// Asks the server to end a query, and does not wait for its end. Each user may end its own.
    pub async fn kill(&self, id: &str) -> Result<(), Failure> {
        let mut statement = Sql::new("KILL QUERY WHERE query_id = ");
        statement.bind(id).push(" ASYNC");
        let question = Parameterised::of(&statement).ask(&self.reader_unheld);
        question.execute().await.map_err(|error| Failure::of(&error, |text| write_error(text, &[])))
    }

    pub async fn execute(&self, statement: &Sql) -> Result<(), Failure> {
        let done = tokio::time::timeout(CHANGE, Parameterised::of(statement).ask(&self.writer).execute()).await;
        let refused = |text: &str| write_error(text, statement.values());
        done.unwrap_or(Err(ClientError::TimedOut)).map_err(|error| Failure::of(&error, refused))
    }

    /// Inserts a batch whose columns are the table's.
    pub async fn insert(&self, table: &'static str, batch: &RecordBatch, token: Option<Token>) -> Result<(), Failure> {
        let unfit = |error: arrow::error::ArrowError| StoreError::WrongColumns { table, reason: error.to_string() };
        let bytes = Bytes::from(arrow_stream::write(batch).map_err(|error| Failure::Refused(unfit(error)))?);
        let names: Vec<String> = batch.schema().fields().iter().map(|field| format!("`{}`", field.name())).collect();
        let text = format!("INSERT INTO {table} ({}) FORMAT ArrowStream", names.join(", "));
        let mut insert = self.writer.insert_formatted_with(text).with_timeouts(Some(CHANGE), Some(CHANGE));
        if let Some(token) = token {
            insert = insert.with_setting("insert_deduplication_token", token.to_string());
        }
        let done = async {
            let mut rest = bytes;
            while !rest.is_empty() {
                let piece = rest.split_to(PIECE_BYTES.min(rest.len()));
                insert.send(piece).await?;
            }
            insert.end().await
        };
        done.await.map_err(|error| Failure::of(&error, |text| write_error(text, &[])))
    }

    /// Whether the user that asks may insert: tried with nothing to insert.
    pub async fn reader_can_write(&self) -> Result<bool, Failure> {
        let statement = Sql::new("INSERT INTO schema_migrations SELECT * FROM schema_migrations WHERE 0");
        let tried = Parameterised::of(&statement).ask(&self.reader_unheld).execute().await;
        match tried.map_err(|error| Failure::of(&error, |text| write_error(text, &[]))) {
            Ok(()) => Ok(true),
            Err(Failure::Refused(StoreError::Engine { code: refusal::READONLY | refusal::ACCESS_DENIED, .. })) => {
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// The settings of every request, and these. Numbers stay within what every version reads.
fn with_settings(client: Client, settings: &[(&str, u64)]) -> Client {
    let all = [
        ("max_query_size", QUERY_BYTES),
        // Errors come as such, not in the middle of an answer.
        ("wait_end_of_query", 1),
        // Answers are compressed as a whole.
        ("enable_http_compression", 1),
        ("output_format_arrow_string_as_string", 1),
    ];
    let all = all.iter().chain(&FOR_LONG_STATEMENTS).chain(settings);
    let client = client.with_setting("output_format_arrow_compression_method", "none");
    all.fold(client, |client, (name, value)| client.with_setting(*name, value.to_string()))
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(text) | Self::Silent(text) => formatter.write_str(text),
            Self::Refused(error) => error.fmt(formatter),
        }
    }
}

impl Failure {
    fn of(error: &ClientError, refused: impl Fn(&str) -> StoreError) -> Self {
        match error {
            ClientError::BadResponse(text) => match parse(text, &[] as &[Value]) {
                // No word of the engine's: a proxy or a server that stops.
                (0, text) => Self::Silent(text),
                (code, text) if BEFORE.contains(&code) => Self::Away(text),
                (code, text) if MEANWHILE.contains(&code) => Self::Silent(text),
                _ => Self::Refused(refused(text)),
            },
            ClientError::Network(source) => {
                let is_connect = source.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect);
                let mut text = source.to_string();
                let mut cause = source.source();
                while let Some(deeper) = cause {
                    text = format!("{text}: {deeper}");
                    cause = deeper.source();
                }
                if is_connect { Self::Away(text) } else { Self::Silent(text) }
            }
            ClientError::InvalidParams(source) => {
                Self::Refused(StoreError::Engine { code: 0, message: format!("the request cannot be made: {source}") })
            }
            other => Self::Silent(other.to_string()),
        }
    }
}
