//! What a request to the double says, and how its answers look: parameters, compression, Arrow, refusals.

use std::collections::HashMap;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use axum::body::{Body, Bytes};
use hyper::Response;
use hyper::http::request::Parts;
use lz4_flex::frame::FrameEncoder;
use rapport::store::StoreError;

use super::{READER, WRITER, leak};

/// A request, taken apart.
pub struct Asked {
    pub user: String,
    password: String,
    pub database: String,
    pub settings: HashMap<String, String>,
    pub statement: String,
    /// Names and values, in the order of their numbers.
    pub parameters: Vec<(String, String)>,
    /// What is to be inserted.
    pub data: Vec<u8>,
    takes_lz4: bool,
}

impl Asked {
    pub fn read(head: &Parts, body: &[u8]) -> Self {
        let header =
            |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let query = head.uri.query().unwrap_or_default();
        let mut settings: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let database = settings.remove("database").unwrap_or_else(|| "default".to_owned());
        let mut parameters = Vec::new();
        let (mut statement, mut data) = (String::new(), Vec::new());
        if let Some(insert) = settings.remove("query") {
            statement = insert;
            let is_compressed = settings.get("decompress").is_some_and(|value| value == "1");
            data = if is_compressed { unblock(body) } else { body.to_vec() };
        } else if let Some((_, boundary)) = header("content-type").split_once("boundary=") {
            for (name, value) in fields(std::str::from_utf8(body).unwrap(), boundary) {
                match name.strip_prefix("param_") {
                    Some(name) => parameters.push((name.to_owned(), unescape(value))),
                    None => statement = value.to_owned(),
                }
            }
        } else {
            statement = String::from_utf8(body.to_vec()).unwrap();
        }
        parameters.sort_by_key(|(name, _)| name[1..].parse::<usize>().unwrap());
        let takes_lz4 =
            header("accept-encoding") == "lz4" && settings.get("enable_http_compression").is_some_and(|on| on == "1");
        let (user, password) = (header("x-clickhouse-user"), header("x-clickhouse-key"));
        Self { user, password, database, settings, statement, parameters, data, takes_lz4 }
    }

    pub fn is_known_user(&self) -> bool {
        [WRITER, READER].contains(&(self.user.as_str(), self.password.as_str()))
    }

    pub fn encode(&self, answer: Vec<u8>) -> (Option<&'static str>, Bytes) {
        if !self.takes_lz4 {
            return (None, answer.into());
        }
        let mut encoder = FrameEncoder::new(Vec::new());
        encoder.write_all(&answer).unwrap();
        (Some("lz4"), encoder.finish().unwrap().into())
    }
}

/// The fields of a form in several parts.
fn fields<'a>(body: &'a str, boundary: &str) -> Vec<(&'a str, &'a str)> {
    let line = format!("--{boundary}");
    let mut fields = Vec::new();
    for part in body.split(line.as_str()).skip(1) {
        let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
        let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
        fields.push((name, value.strip_suffix("\r\n").unwrap()));
    }
    fields
}

/// A parameter's value as it was before it was escaped.
fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            character => text.push(character),
        }
    }
    text
}

/// The engine's own compressed blocks: a checksum of 16 bytes, a method, two lengths, and LZ4.
fn unblock(mut bytes: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap()) as usize;
    let mut data = Vec::new();
    while !bytes.is_empty() {
        assert_eq!(bytes[16], 0x82, "LZ4");
        let (compressed, plain) = (number(&bytes[17..21]), number(&bytes[21..25]));
        let (block, rest) = bytes[16..].split_at(compressed);
        data.extend(lz4_flex::block::decompress(&block[9..], plain).unwrap());
        bytes = rest;
    }
    data
}

pub fn read_batches(bytes: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
    StreamReader::try_new(bytes, None)?.collect()
}

/// Nothing at all where a server would send a schema: the store takes both.
pub fn write_batches(batches: &[RecordBatch]) -> Vec<u8> {
    let Some(first) = batches.first() else { return Vec::new() };
    let mut writer = StreamWriter::try_new(Vec::new(), &first.schema()).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

/// The table of an insert whose rows come as Arrow.
pub fn arrow_table(statement: &str) -> Option<&'static str> {
    let rest = statement.strip_prefix("INSERT INTO ")?;
    rest.ends_with(" FORMAT ArrowStream").then(|| leak(rest.split(' ').next().unwrap()))
}

/// The engine's words for what it does not do.
pub struct Refusal {
    pub code: i32,
    pub text: String,
}

impl Refusal {
    pub fn of(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::TimedOut { .. } => Self { code: 159, text },
            StoreError::TooMuchMemory { .. } => Self { code: 241, text },
            StoreError::TooManyRows { limit: "max_rows_to_read", .. } => Self { code: 158, text },
            StoreError::TooManyRows { .. } => Self { code: 396, text },
            StoreError::DiskFull => Self { code: 243, text },
            StoreError::NoMemory => Self { code: 241, text },
            StoreError::Engine { code, message } => Self { code, text: message },
            _ => Self { code: 1001, text },
        }
    }

    pub fn into_response(self) -> Response<Body> {
        let Self { code, text } = self;
        let status = match code {
            516 => 403,
            60 | 81 => 404,
            62 => 400,
            _ => 500,
        };
        let body = format!("Code: {code}. DB::Exception: {text}. (version 26.1.1.1 (a double))\n");
        let response = Response::builder().status(status).header("x-clickhouse-exception-code", code);
        response.body(Body::from(body)).unwrap()
    }
}
