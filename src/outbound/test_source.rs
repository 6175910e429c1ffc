//! A place to ask, for tests: a real socket on this machine that counts its requests and answers as it is told. Also used
//! by `tests/it`.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// How a source answers.
#[derive(Clone)]
pub enum Answer {
    /// 200 and this body.
    Body(String),
    /// This line of status and headers, as they are, and no body.
    Head(&'static str),
    /// A body without a length and without an end.
    Endless,
    /// Takes the question and says nothing.
    Silence,
    /// Takes the question and hangs up.
    HangUp,
}

pub struct TestSource {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    answer: Mutex<Answer>,
    asked: watch::Sender<usize>,
    /// Each answer takes one; a test can take them all away.
    permits: Semaphore,
}

impl TestSource {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            asked: watch::Sender::new(0),
            permits: Semaphore::new(Semaphore::MAX_PERMITS / 2),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/realms/acme/certs", self.address)
    }

    pub fn answer_with(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        *self.shared.asked.borrow()
    }

    pub async fn until_asked(&self, times: usize) {
        self.shared.asked.subscribe().wait_for(|asked| times <= *asked).await.unwrap();
    }

    /// From here on it takes questions, and answers after `release`.
    pub fn hold(&self) {
        self.shared.permits.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn release(&self) {
        self.shared.permits.add_permits(1_000);
    }

    /// Nobody listens there any more.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(converse(stream, Arc::clone(&shared)));
    }
}

/// The client may go away at any time: what cannot be sent to it is not sent.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        match read(&stream).await {
            Some(bytes) => question.extend(bytes),
            None => return,
        }
    }
    shared.asked.send_modify(|asked| *asked += 1);
    shared.permits.acquire().await.unwrap().forget();
    let answer = shared.answer.lock().unwrap().clone();
    match answer {
        Answer::Body(body) => {
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            write(&stream, head + &body).await;
        }
        Answer::Head(head) => _ = write(&stream, format!("HTTP/1.1 {head}\r\n\r\n")).await,
        Answer::Endless => {
            let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
            write(&stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()).await;
            while write(&stream, chunk.clone()).await {}
        }
        // Until the client has had enough.
        Answer::Silence => _ = read(&stream).await,
        Answer::HangUp => {}
    }
}

/// What comes next; `None` at the end.
async fn read(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4_096];
    loop {
        stream.readable().await.ok()?;
        match stream.try_read(&mut bytes) {
            Ok(0) => return None,
            Ok(count) => return Some(bytes[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

/// Whether all of it could be sent.
async fn write(stream: &TcpStream, text: String) -> bool {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        if stream.writable().await.is_err() {
            return false;
        }
        match stream.try_write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
    true
}
