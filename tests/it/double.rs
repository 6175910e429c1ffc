//! A ClickHouse server's HTTP interface in this process, over the embedded engine: what the server store's tests speak to.
//!
//! It does what it is asked by the real engine, and fails on request in the ways in which a server or the network does. It knows
//! two users, one of which may only read.

mod body;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rapport::sql::Sql;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::limits::Limits;
use rapport::store::token::Token;
use rapport::store::{Store, StoreError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use self::body::{Asked, Refusal};
use crate::engine::{self, Lent};

pub const DATABASE: &str = "rapport";
pub const WRITER: (&str, &str) = ("writer", "the writer's, with ' and \\ in it");
pub const READER: (&str, &str) = ("reader", "the reader's");

/// What happens to the next request whose statement begins so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before anything was done.
    CutBefore,
    /// It is done, and the connection is cut before the answer.
    CutAfter,
    /// Half of the answer comes.
    CutWithin,
    /// Something between says that there is nobody.
    BadGateway,
    /// The server has too much to do.
    TooManyQueries,
    /// The answer does not end: 64 MiB come that are none.
    TooMuch,
}

/// The data that hosts share, and what was seen of requests.
pub struct Data {
    // Order matters: the stores are dropped before the directory may close.
    main: EmbeddedStore,
    readers: Mutex<HashMap<String, Arc<EmbeddedStore>>>,
    running: Mutex<HashMap<String, Arc<Notify>>>,
    /// Statements with their user and host, in the order in which they came.
    pub seen: Mutex<Vec<(usize, String, String)>>,
    /// Whether each connection is cut that is used a second time: the server has closed it in between.
    pub cuts_used: AtomicBool,
    /// Statements that a server was let write down, with their values.
    pub logged: Mutex<Vec<String>>,
    /// Bytes of inserts as they came, and what was in them.
    pub inserted_bytes: Mutex<(usize, usize)>,
    _directory: Lent,
}

/// One host. Dropping it ends it at once, connections and all.
pub struct Host {
    pub address: SocketAddr,
    faults: Arc<Mutex<VecDeque<(&'static str, Fault)>>>,
    serving: JoinHandle<()>,
}

impl Data {
    pub fn new() -> Arc<Self> {
        let directory = engine::directory();
        let main = EmbeddedStore::open(&directory, &engine::next_name(), engine::limits()).expect("a new database");
        Arc::new(Self {
            main,
            readers: Mutex::default(),
            running: Mutex::default(),
            seen: Mutex::default(),
            cuts_used: AtomicBool::new(false),
            logged: Mutex::default(),
            inserted_bytes: Mutex::default(),
            _directory: directory,
        })
    }

    /// The data itself, beside the hosts.
    pub fn store(&self) -> &EmbeddedStore {
        &self.main
    }

    /// Whether any question has not ended yet.
    pub fn is_running(&self) -> bool {
        !self.running.lock().unwrap().is_empty()
    }

    /// The engine within the limits that a request sets.
    fn reader(&self, settings: &HashMap<String, String>) -> Arc<EmbeddedStore> {
        let number = |name: &str| settings[name].parse::<u64>().expect("a setting is a number");
        let limits = Limits {
            seconds: number("max_execution_time"),
            memory_bytes: number("max_memory_usage"),
            rows_read: number("max_rows_to_read"),
            rows_returned: number("max_result_rows"),
            threads: number("max_threads") as usize,
            connections: 4,
        };
        let mut readers = self.readers.lock().unwrap();
        let reader = readers.entry(format!("{limits:?}")).or_insert_with(|| {
            let name = database_of(&self.main);
            Arc::new(EmbeddedStore::open(&engine::directory(), &name, limits).expect("the database is there"))
        });
        Arc::clone(reader)
    }

    async fn answer(&self, asked: &Asked) -> Result<Vec<u8>, Refusal> {
        let text = asked.statement.trim_start();
        let reads = asked.settings.get("readonly").is_some_and(|value| value == "2");
        let is_question = ["SELECT", "WITH", "EXPLAIN"].iter().any(|word| text.starts_with(word));
        if asked.database != DATABASE {
            return Err(Refusal { code: 81, text: format!("Database {} does not exist", asked.database) });
        }
        if text.starts_with("KILL QUERY") {
            let id = asked.parameters.first().expect("it names a query").1.as_str();
            if let Some(running) = self.running.lock().unwrap().get(id) {
                running.notify_one();
            }
            return Ok(Vec::new());
        }
        if asked.user == READER.0 && !is_question {
            return Err(Refusal { code: 497, text: "reader: Not enough privileges".to_owned() });
        }
        if let Some(table) = body::arrow_table(text) {
            let batches = body::read_batches(&asked.data).expect("a sound stream");
            let token = asked.settings.get("insert_deduplication_token").map(|token| Token::of(token));
            for batch in batches {
                self.main.insert(table, batch, token).await.map_err(Refusal::of)?;
            }
            return Ok(Vec::new());
        }
        let statement = asked.statement();
        if !reads {
            return if is_question {
                self.main.query(statement).await.map(|batches| body::write_batches(&batches)).map_err(Refusal::of)
            } else {
                self.main.execute(statement).await.map(|()| Vec::new()).map_err(Refusal::of)
            };
        }
        let reader = self.reader(&asked.settings);
        let stop = Arc::new(Notify::new());
        let id = asked.settings.get("query_id").cloned().expect("every question has a name");
        let _running = Running::begin(self, &id, &stop);
        let answer = tokio::select! {
            answer = reader.query(statement) => answer,
            () = stop.notified() => Err(StoreError::TimedOut { seconds: 0 }),
        };
        answer.map(|batches| body::write_batches(&batches)).map_err(Refusal::of)
    }
}

/// A question between its beginning and its end, however it ends.
struct Running<'a> {
    data: &'a Data,
    id: String,
}

impl<'a> Running<'a> {
    fn begin(data: &'a Data, id: &str, stop: &Arc<Notify>) -> Self {
        data.running.lock().unwrap().insert(id.to_owned(), Arc::clone(stop));
        Self { data, id: id.to_owned() }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.data.running.lock().unwrap().remove(&self.id);
    }
}

/// The name of a store's database, which only its `Debug` tells.
fn database_of(store: &EmbeddedStore) -> String {
    let shown = format!("{store:?}");
    shown.split("database: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("it is shown").to_owned()
}

impl Host {
    /// Begins to listen; `number` tells the host from others in what was seen.
    pub fn start(data: &Arc<Data>, number: usize) -> Self {
        Self::start_with(data, number, None)
    }

    pub fn start_with(data: &Arc<Data>, number: usize, tls: Option<TlsAcceptor>) -> Self {
        Self::listen(std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"), data, number, tls)
    }

    /// Where another host was, which is gone.
    pub fn start_at(address: SocketAddr, data: &Arc<Data>, number: usize) -> Self {
        Self::listen(std::net::TcpListener::bind(address).expect("its port is free again"), data, number, None)
    }

    fn listen(listener: std::net::TcpListener, data: &Arc<Data>, number: usize, tls: Option<TlsAcceptor>) -> Self {
        listener.set_nonblocking(true).expect("a socket can be asked without waiting");
        let address = listener.local_addr().expect("it is bound");
        let listener = TcpListener::from_std(listener).expect("a runtime");
        let faults: Arc<Mutex<VecDeque<(&'static str, Fault)>>> = Arc::default();
        let (data, of_host) = (Arc::clone(data), Arc::clone(&faults));
        let serving = tokio::spawn(async move {
            // What is dropped with this task ends every connection.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (data, faults, tls) = (Arc::clone(&data), Arc::clone(&of_host), tls.clone());
                connections.spawn(async move { serve(stream, tls, data, faults, number).await });
            }
        });
        Self { address, faults, serving }
    }

    /// The next request whose statement begins so fails. Faults wait in their order.
    pub fn fail(&self, beginning: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((beginning, fault));
    }

    /// Whether every fault has happened.
    pub fn has_failed(&self) -> bool {
        self.faults.lock().unwrap().is_empty()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Faults = Arc<Mutex<VecDeque<(&'static str, Fault)>>>;

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, data: Arc<Data>, faults: Faults, number: usize) {
    let was_used = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let (data, faults, was_used) = (Arc::clone(&data), Arc::clone(&faults), Arc::clone(&was_used));
        async move { respond(request, &data, &faults, (number, &was_used)).await }
    });
    // A connection that ends badly ends; the other side sees it.
    _ = match tls {
        None => http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
            Err(_) => return,
        },
    };
}

async fn respond(
    request: Request<Incoming>,
    data: &Data,
    faults: &Faults,
    (number, was_used): (usize, &AtomicBool),
) -> io::Result<Response<Body>> {
    let cut = || io::Error::other("cut");
    if was_used.swap(true, Ordering::Relaxed) && data.cuts_used.load(Ordering::Relaxed) {
        return Err(cut());
    }
    let (head, body) = request.into_parts();
    let bytes = body.collect().await.map_err(|_| cut())?.to_bytes();
    let asked = Asked::read(&head, &bytes);
    data.seen.lock().unwrap().push((number, asked.user.clone(), asked.statement.clone()));
    if asked.settings.get("log_queries").is_none_or(|log| log != "0") {
        data.logged.lock().unwrap().push(asked.statement.clone());
    }
    if !asked.data.is_empty() {
        let mut inserted = data.inserted_bytes.lock().unwrap();
        *inserted = (inserted.0 + bytes.len(), inserted.1 + asked.data.len());
    }
    let fault = {
        let mut faults = faults.lock().unwrap();
        let is_next = faults.front().is_some_and(|(beginning, _)| asked.statement.starts_with(beginning));
        if is_next { faults.pop_front().map(|(_, fault)| fault) } else { None }
    };
    match fault {
        Some(Fault::CutBefore) => return Err(cut()),
        Some(Fault::BadGateway) => {
            return Ok(Response::builder().status(502).body(Body::from("Bad Gateway")).unwrap());
        }
        Some(Fault::TooManyQueries) => {
            return Ok(Refusal { code: 202, text: "Too many simultaneous queries".to_owned() }.into_response());
        }
        Some(Fault::TooMuch) => {
            let piece = Bytes::from(vec![0; 1 << 20]);
            let pieces = std::iter::repeat_n(piece, 64).map(Ok::<Bytes, Infallible>);
            return Ok(Response::new(Body::from_stream(stream::iter(pieces))));
        }
        Some(Fault::CutAfter | Fault::CutWithin) | None => {}
    }
    if !asked.is_known_user() {
        return Ok(Refusal { code: 516, text: "Authentication failed".to_owned() }.into_response());
    }
    let answer = match data.answer(&asked).await {
        Ok(answer) => answer,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    if fault == Some(Fault::CutAfter) {
        return Err(cut());
    }
    let (encoding, bytes) = asked.encode(answer);
    let mut response = Response::builder().status(200);
    if let Some(encoding) = encoding {
        response = response.header("content-encoding", encoding);
    }
    let body = match fault {
        Some(Fault::CutWithin) => {
            let half = bytes.slice(..bytes.len() / 2);
            Body::from_stream(stream::iter([Ok(half), Err(cut())]))
        }
        _ => Body::from_stream(stream::iter([Ok::<Bytes, Infallible>(bytes)])),
    };
    Ok(response.body(body).unwrap())
}

impl Asked {
    /// As the engine's own list of values and places: `?` where a parameter stood.
    fn statement(&self) -> Sql {
        let mut sql = Sql::default();
        let mut rest = self.statement.as_str();
        for (name, value) in &self.parameters {
            let place = format!("{{{name}:");
            let (before, after) = rest.split_once(&place).expect("parameters stand in their order");
            let (kind, after) = after.split_once('}').expect("a place ends");
            sql.push(leak(before));
            match kind {
                "String" => sql.bind(value.as_str()),
                "Int64" => sql.bind(value.parse::<i64>().expect("a whole number")),
                "Float64" => sql.bind(value.parse::<f64>().expect("a number")),
                other => panic!("no value has the type {other}"),
            };
            rest = after;
        }
        sql.push(leak(rest));
        sql
    }
}

/// A statement's text is the programmer's elsewhere; a test may let it live.
pub fn leak(text: &str) -> &'static str {
    String::leak(text.to_owned())
}
