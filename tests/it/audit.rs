//! The audit log: what is recorded of a request, that nothing is answered unrecorded, and its files.

mod files;
mod questions;
mod requests;
mod unrecorded;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use rapport::api::audit::{Log, Sink};
use rapport::model::clock::Millis;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::engine::FixedClock;

/// A log whose lines a test reads.
pub struct Memory {
    pub log: Log,
    pub lines: mpsc::UnboundedReceiver<Value>,
}

struct Lines(mpsc::UnboundedSender<Value>);

impl Sink for Lines {
    fn write(&mut self, _day: NaiveDate, lines: &[u8]) -> io::Result<()> {
        assert!(lines.ends_with(b"\n"));
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // A test that has seen enough is gone.
            let _ = self.0.send(serde_json::from_slice(line).expect("a line is JSON"));
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn in_memory(now: Millis) -> Memory {
    let (sender, lines) = mpsc::unbounded_channel();
    let log = Log::start(Lines(sender), Arc::new(FixedClock(now)), Duration::from_secs(60)).unwrap();
    Memory { log, lines }
}
