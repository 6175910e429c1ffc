//! One request to one host, and what its failure means. It never asks twice.

use std::fmt;
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::{Bytes, BytesMut};
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
use crate::outbound::with_causes;
use crate::sql::{Sql, Value};

/// How long to wait for a connection: a host in the same region answers within milliseconds, one that is gone never.
const CONNECT: Duration = Duration::from_secs(2);
/// A server closes a connection that nothing uses after three seconds; one that closes while a request is on its way fails it.
const IDLE: Duration = Duration::from_secs(2);
/// A change may take long, but not for ever: the largest merge that is asked for takes half a minute.
const CHANGE: Duration = Duration::from_secs(900);
/// Bytes of an answer to a question of our own, such as for a table's columns.
const LOOK_UP_BYTES: u64 = 16 << 20;
/// Bytes that are compressed and sent at once.
const PIECE_BYTES: usize = 1 << 20;

/// A host, and who is who there.
pub(super) struct Host {
    pub name: String,
    writer: Client,
    /// The same user on a new connection each time, for what must not be sent twice: one that was kept may have been closed
    /// meanwhile, and then nobody knows whether the host had the request. A connection costs some milliseconds.
    writer_once: Client,
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
        let http = |kept: usize| {
            let mut builder = HttpClient::builder(TokioExecutor::new());
            builder.pool_idle_timeout(IDLE).pool_max_idle_per_host(kept).build(connector.clone())
        };
        let client = |kept: usize| {
            Client::with_http_client(http(kept))
                .with_url(name)
                .with_database(&config.database)
                .with_compression(Compression::Lz4)
                .with_product_info("rapport", env!("CARGO_PKG_VERSION"))
        };
        let (keeping, once) = (client(usize::MAX), client(0));
        let known_as =
            |client: &Client, login: &Login| client.clone().with_user(&login.user).with_password(&login.password);
        let writer = [
            // The tables that follow from one insert are written side by side.
            ("parallel_view_processing", 1),
            // A repeated insert is none for the tables that follow either.
            ("deduplicate_blocks_in_dependent_materialized_views", 1),
            ("async_insert", 0),
        ];
        let held = [
            // The user may be one that can write: it reads here, and this cannot be set back. 2, for what follows are settings.
            ("readonly", 2),
            ("cancel_http_readonly_queries_on_client_close", 1),
        ];
        let reader: Vec<_> = held.into_iter().chain(limits.settings()).collect();
        let asking = config.reader.as_ref().unwrap_or(&config.login);
        Self {
            name: name.to_owned(),
            writer: with_settings(known_as(&keeping, &config.login), &writer),
            writer_once: with_settings(known_as(&once, &config.login), &writer),
            reader: with_settings(known_as(&keeping, asking), &reader),
            reader_unheld: with_settings(known_as(&keeping, asking), &[]),
        }
    }

    /// Asks for the whole answer of a reading statement.
    pub async fn query(&self, statement: &Sql, id: &str, limits: &Limits) -> Result<Vec<RecordBatch>, Failure> {
        let question = Parameterised::of(statement).ask(&self.reader).with_setting("query_id", id);
        self.collect(question, limits.memory_bytes, |text| read_error(text, statement.values(), limits)).await
    }

    /// The same as the user that writes, and without limits.
    pub async fn look_up(&self, statement: &Sql) -> Result<Vec<RecordBatch>, Failure> {
        let question = Parameterised::of(statement).ask(&self.writer);
        self.collect(question, LOOK_UP_BYTES, |text| write_error(text, statement.values())).await
    }

    /// The whole answer, which must not be larger than `bytes_max`: it is in our memory, and the server's limits are of its own.
    async fn collect(
        &self,
        question: clickhouse::query::Query,
        bytes_max: u64,
        refused: impl Fn(&str) -> StoreError,
    ) -> Result<Vec<RecordBatch>, Failure> {
        let failed = |error: ClientError| Failure::of(&error, &refused);
        let mut pieces = question.fetch_bytes("ArrowStream").map_err(failed)?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = pieces.next().await.map_err(failed)? {
            if bytes_max < (bytes.len() + piece.len()) as u64 {
                return Err(Failure::Refused(StoreError::TooMuchMemory { limit_bytes: bytes_max }));
            }
            bytes.extend_from_slice(&piece);
        }
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
        let done = tokio::time::timeout(CHANGE, Parameterised::of(statement).ask(&self.writer_once).execute()).await;
        let refused = |text: &str| write_error(text, statement.values());
        done.unwrap_or(Err(ClientError::TimedOut)).map_err(|error| Failure::of(&error, refused))
    }

    /// Inserts a batch whose columns are the table's.
    pub async fn insert(&self, table: &'static str, batch: &RecordBatch, token: Option<Token>) -> Result<(), Failure> {
        let unfit = |error: arrow::error::ArrowError| StoreError::WrongColumns { table, reason: error.to_string() };
        let bytes = Bytes::from(arrow_stream::write(batch).map_err(|error| Failure::Refused(unfit(error)))?);
        let names: Vec<String> = batch.schema().fields().iter().map(|field| format!("`{}`", field.name())).collect();
        let text = format!("INSERT INTO {table} ({}) FORMAT ArrowStream", names.join(", "));
        let insert = match token {
            // The server knows a repeat.
            Some(token) => {
                let insert = self.writer.insert_formatted_with(text);
                insert.with_setting("insert_deduplication_token", token.to_string())
            }
            None => self.writer_once.insert_formatted_with(text),
        };
        let mut insert = insert.with_timeouts(Some(CHANGE), Some(CHANGE));
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
        // A server writes down what it is asked with its values, for a month by default: ids of contacts among them.
        ("log_queries", 0),
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
                let text = with_causes(source.as_ref());
                if is_connect { Self::Away(text) } else { Self::Silent(text) }
            }
            ClientError::InvalidParams(source) => {
                Self::Refused(StoreError::Engine { code: 0, message: format!("the request cannot be made: {source}") })
            }
            other => Self::Silent(other.to_string()),
        }
    }
}
