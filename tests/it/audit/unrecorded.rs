//! Nothing is answered unrecorded: a disk that fails, a writer that hangs, and a record that is closed.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::http::{Method, header};
use chrono::NaiveDate;
use futures_util::future::join_all;
use rapport::api::audit::{Log, Sink};
use rapport::api::server::Network;

use super::{Memory, in_memory};
use crate::engine::FixedClock;
use crate::fixture_schema::{Stopped, app_in};
use crate::http::{Answer, request, send};

async fn ask(log: &Log) -> Answer {
    let get = request(Method::GET, "/graphql?query=%7Bone%7D").body(axum::body::Body::empty()).unwrap();
    send(app_in(Network::default(), log.clone(), Stopped::default()), get).await
}

/// A disk that can be full.
struct Disk(Arc<AtomicBool>);

impl Sink for Disk {
    fn write(&mut self, _day: NaiveDate, _lines: &[u8]) -> io::Result<()> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_recorded_is_not_given() {
    let full = Arc::new(AtomicBool::new(true));
    let log = Log::start(Disk(full.clone()), Arc::new(FixedClock(0)), Duration::from_secs(60)).unwrap();
    let answer = ask(&log).await;
    let message = answer.refused(503, "UNAVAILABLE");
    assert!(message.contains("audit log") && !answer.text.contains("\"one\""), "{}", answer.text);
    assert_eq!(answer.header(header::RETRY_AFTER), "5");
    full.store(false, Ordering::SeqCst);
    // The next line is the try whether it works again.
    ask(&log).await.refused(503, "UNAVAILABLE");
    assert_eq!(ask(&log).await.status, 200);
}

#[tokio::test]
async fn what_could_not_be_recorded_is_not_done() {
    let log =
        Log::start(Disk(Arc::new(AtomicBool::new(true))), Arc::new(FixedClock(0)), Duration::from_secs(60)).unwrap();
    ask(&log).await.refused(503, "UNAVAILABLE");
    let stopped = Stopped::default();
    let slow = request(Method::GET, "/graphql?query=%7Bslow%7D").body(axum::body::Body::empty()).unwrap();
    let answer = send(app_in(Network::default(), log.clone(), stopped.clone()), slow).await;
    answer.refused(503, "UNAVAILABLE");
    assert_eq!(stopped.started.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn requests_of_nobody_known_are_recorded_up_to_a_number_and_counted_beyond_it() {
    let Memory { log, mut lines } = in_memory(0);
    let app = app_in(Network::default(), log.clone(), Stopped::default());
    let nobody = || axum::http::Request::get("/graphql?query=%7Bone%7D").body(axum::body::Body::empty()).unwrap();
    let most = usize::try_from(rapport::api::audit::refusals::LINES_MAX).unwrap();
    for _ in 0..most + 50 {
        send(app.clone(), nobody()).await.refused(401, "UNAUTHENTICATED");
    }
    // Whoever is known is recorded all the same.
    assert_eq!(ask(&log).await.status, 200);
    log.close().await;
    let mut count = 0;
    while lines.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, most + 1);
}

/// A disk on which nothing ends until the test says so.
struct Hanging(mpsc::Receiver<()>);

impl Sink for Hanging {
    fn write(&mut self, _day: NaiveDate, _lines: &[u8]) -> io::Result<()> {
        // The test's end is the end of the wait.
        let _ = self.0.recv();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_writer_that_hangs_costs_requests_their_patience_and_no_more() {
    let (end, hanging) = mpsc::channel();
    let log = Log::start(Hanging(hanging), Arc::new(FixedClock(0)), Duration::from_millis(200)).unwrap();
    // More than the queue holds: those beyond it wait for a place, and not for ever.
    let answers = join_all((0..300).map(|_| ask(&log))).await;
    for answer in answers {
        answer.refused(503, "UNAVAILABLE");
    }
    log.close().await;
    drop(end);
}

#[tokio::test]
async fn what_was_recorded_before_the_close_is_written_and_nothing_after_it() {
    let Memory { log, mut lines } = in_memory(0);
    assert_eq!(ask(&log).await.status, 200);
    log.close().await;
    assert!(lines.try_recv().is_ok());
    ask(&log).await.refused(503, "UNAVAILABLE");
    assert!(lines.try_recv().is_err());
}
