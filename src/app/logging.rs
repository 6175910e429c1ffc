//! The log of the process: one line an event, on standard error, as text or as JSON.
//!
//! Nothing that a client sends can end a line, begin another or move the terminal's cursor: control characters of any
//! field and message are written as their numbers. Colours are not used, because they are made of such characters.

use std::io::{self, Write};
use std::str::FromStr;

use tracing::Subscriber;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::traces::SpanLayer;
use crate::model::trace;

/// How an event is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl FromStr for LogFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat { name: name.to_owned() }),
        }
    }
}

/// Begins the log of the process, beside traces where they are collected.
pub fn begin(format: LogFormat, filter: &str, traces: Option<SpanLayer>) {
    let subscriber = subscriber_beside(format, filter, io::stderr, traces);
    // Only a second one could fail; the first goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// A log that goes to this writer.
pub fn subscriber<W>(format: LogFormat, filter: &str, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    subscriber_beside(format, filter, writer, None)
}

/// The same beside what takes spans.
fn subscriber_beside<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
    traces: Option<SpanLayer>,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::new(filter).add_directive(spans_off());
    let lines = Lines { writer };
    let Some(traces) = traces else {
        let builder = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(lines);
        return match format {
            LogFormat::Text => Box::new(builder.finish()),
            LogFormat::Json => Box::new(builder.json().finish()),
        };
    };
    // Each with a filter of its own: what is collected is not printed, and what is printed is not collected.
    let log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(lines);
    let collected = Registry::default().with(traces);
    match format {
        LogFormat::Text => Box::new(collected.with(log.with_filter(filter))),
        LogFormat::Json => Box::new(collected.with(log.json().with_filter(filter))),
    }
}

/// The log shows no spans, whatever it is told to show: each of its lines would name all those it is in. Where nothing else
/// collects them, none is made then: each place that makes one is told so once.
fn spans_off() -> Directive {
    format!("{}=off", trace::SPANS).parse().expect("a target and a level")
}

/// A writer to which each event is one line.
struct Lines<W> {
    writer: W,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { writer: self.writer.make_writer() }
    }
}

struct Line<W> {
    writer: W,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write_all(escape(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// The subscriber hands over a whole event at once; the feed at its end is its own, all others are a client's.
fn escape(event: &str) -> String {
    let (text, end) = event.strip_suffix('\n').map_or((event, ""), |text| (text, "\n"));
    let mut line = String::with_capacity(event.len());
    for character in text.chars() {
        match character {
            // The notation of JSON, which stays valid by it.
            _ if is_control(character) => line.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => line.push(character),
        }
    }
    line + end
}

/// Also what some viewers take for the end of a line, and what turns the direction of text.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// There is no such format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`log_format` is `{name}`: give `text` or `json`")]
pub struct UnknownFormat {
    name: String,
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const FORGERY: &str = "a\r\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2K\u{7f}\u{9b}31m\u{2028}\u{202e}\0\"\\";

    fn log(format: LogFormat) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let subscriber = subscriber(format, "info", move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(path = FORGERY, agent = %FORGERY, operation = ?FORGERY, "said {FORGERY}");
            tracing::info!("after");
        });
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_forged_line_of_the_text_log_stays_within_its_event() {
        let text = log(LogFormat::Text);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.trim_end_matches('\n').replace('\n', "").chars().any(is_control), "{text:?}");
        assert!(text.contains(r"a\u000d\u000a2026-01-01T00:00:00Z"), "{text}");
    }

    #[test]
    fn a_forged_line_of_the_json_log_stays_within_its_event() {
        let text = log(LogFormat::Json);
        assert!(!text.replace('\n', "").chars().any(is_control), "{text:?}");
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["fields"]["path"], FORGERY);
        assert_eq!(lines[0]["fields"]["agent"], FORGERY);
        assert_eq!(lines[1]["fields"]["message"], "after");
    }
}
