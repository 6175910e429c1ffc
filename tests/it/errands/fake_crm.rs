//! A CRM on this machine: it notes what it is asked, and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// A question as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub path_and_query: String,
    pub key: String,
    pub body: String,
}

/// How a question is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    Json(String),
    Status(u16, &'static str),
    /// A status with one header.
    With(u16, (&'static str, String)),
    /// The question is taken, and nothing is said.
    Silence,
}

type Answering = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

struct Desk {
    asked: Vec<Asked>,
    /// These first, then as always.
    next: VecDeque<Reply>,
    always: Answering,
}

pub struct FakeCrm {
    pub url: String,
    desk: Arc<Mutex<Desk>>,
    task: tokio::task::JoinHandle<()>,
}

impl FakeCrm {
    pub async fn start(always: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let desk = Desk { asked: Vec::new(), next: VecDeque::new(), always: Box::new(always) };
        let desk = Arc::new(Mutex::new(desk));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(desk.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, desk, task }
    }

    /// The next question is answered so.
    pub fn answer_next(&self, reply: Reply) {
        self.desk.lock().unwrap().next.push_back(reply);
    }

    /// Takes all questions so far.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.desk.lock().unwrap().asked)
    }

    pub fn take_paths(&self) -> Vec<String> {
        self.take_asked().into_iter().map(|asked| asked.path_and_query).collect()
    }
}

impl Drop for FakeCrm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(desk): State<Arc<Mutex<Desk>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("x-api-key").map_or("", |value| value.to_str().unwrap()).to_owned();
    let path_and_query = uri.path_and_query().unwrap().to_string();
    let asked = Asked { method, path_and_query, key, body: String::from_utf8(body.to_vec()).unwrap() };
    let reply = {
        let mut desk = desk.lock().unwrap();
        desk.asked.push(asked.clone());
        desk.next.pop_front().unwrap_or_else(|| (desk.always)(&asked))
    };
    let status = |status| StatusCode::from_u16(status).unwrap();
    match reply {
        Reply::Json(body) => ([("content-type", "application/json")], body).into_response(),
        Reply::Status(code, body) => (status(code), body).into_response(),
        Reply::With(code, header) => (status(code), [header]).into_response(),
        Reply::Silence => std::future::pending().await,
    }
}
