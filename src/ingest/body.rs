//! A request's body as sent becomes plain bytes, within limits that no compressed bomb gets past.
//!
//! It decompresses and nothing else; [`super::lines`] takes the result apart.

use std::io::{self, Read};

use bytes::Bytes;

/// How large a body may be.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// As sent.
    pub sent_bytes: usize,
    /// After decompression: what the process has to hold.
    pub plain_bytes: usize,
}

impl Default for BodyLimits {
    /// 32 MiB is about 100,000 events; who has more sends several bodies. Sending them uncompressed is allowed.
    fn default() -> Self {
        Self { sent_bytes: 32 << 20, plain_bytes: 32 << 20 }
    }
}

/// The largest window that a zstd frame may ask for, as a power of two: 32 MiB, the limit of the body itself.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;

/// Undoes the `Content-Encoding` of a body; none is `identity`.
pub fn decode(sent: Bytes, encoding: Option<&str>, limits: BodyLimits) -> Result<Bytes, BodyError> {
    if limits.sent_bytes < sent.len() {
        return Err(BodyError::TooLarge { bytes_max: limits.sent_bytes });
    }
    if sent.is_empty() {
        return Err(BodyError::Empty);
    }
    match encoding.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") if limits.plain_bytes < sent.len() => {
            Err(BodyError::TooLarge { bytes_max: limits.plain_bytes })
        }
        None | Some("" | "identity") => Ok(sent),
        Some("gzip" | "x-gzip") => {
            read_limited(flate2::read::MultiGzDecoder::new(sent.as_ref()), "gzip", limits.plain_bytes)
        }
        Some("zstd") => {
            let broken = |source| BodyError::Broken { encoding: "zstd", source };
            let mut decoder = zstd::Decoder::new(sent.as_ref()).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
            read_limited(decoder, "zstd", limits.plain_bytes)
        }
        Some(other) => Err(BodyError::UnknownEncoding { encoding: other.chars().take(60).collect() }),
    }
}

fn read_limited(reader: impl Read, encoding: &'static str, bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut plain = Vec::new();
    // One byte more than allowed tells "full" from "too much" without unpacking the rest.
    let mut limited = reader.take(bytes_max as u64 + 1);
    limited.read_to_end(&mut plain).map_err(|source| BodyError::Broken { encoding, source })?;
    if bytes_max < plain.len() {
        return Err(BodyError::TooLarge { bytes_max });
    }
    if plain.is_empty() {
        return Err(BodyError::Empty);
    }
    Ok(plain.into())
}

/// Why a body is refused.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is empty: send one JSON object a line, or a JSON array of objects")]
    Empty,
    #[error("the body is larger than {bytes_max} bytes (after decompression); send it in parts")]
    TooLarge { bytes_max: usize },
    #[error("the body's encoding {encoding} is not known; send identity, gzip or zstd")]
    UnknownEncoding { encoding: String },
    #[error("the body is not valid {encoding}, or ends too early")]
    Broken { encoding: &'static str, source: io::Error },
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LIMITS: BodyLimits = BodyLimits { sent_bytes: 10_000, plain_bytes: 1_000 };

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::encode_all(plain, 3).unwrap()
    }

    fn check(sent: Vec<u8>, encoding: Option<&str>, expect: Result<&str, &str>) {
        let got = decode(sent.into(), encoding, LIMITS).map_err(|error| error.to_string());
        assert_eq!(got.as_deref(), expect.map(str::as_bytes).map_err(str::to_owned).as_ref().copied());
    }

    #[test]
    fn every_encoding_gives_the_plain_bytes() {
        check(b"x".into(), None, Ok("x"));
        check(b"x".into(), Some("identity"), Ok("x"));
        check(gzip(b"x"), Some("gzip"), Ok("x"));
        check(gzip(b"x"), Some("GZip"), Ok("x"));
        check([gzip(b"x"), gzip(b"y")].concat(), Some("gzip"), Ok("xy"));
        check(zstd(b"x"), Some("zstd"), Ok("x"));
        check([zstd(b"x"), zstd(b"y")].concat(), Some("zstd"), Ok("xy"));
    }

    #[test]
    fn too_much_is_refused_by_name() {
        let limit = Err("the body is larger than 1000 bytes (after decompression); send it in parts");
        check(vec![b'x'; 1_001], None, limit);
        check(gzip(&vec![b'x'; 5_000_000]), Some("gzip"), limit);
        check(
            zstd(&vec![b'x'; 500_000_000]),
            Some("zstd"),
            Err("the body is larger than 10000 bytes (after decompression); send it in parts"),
        );
        check(zstd(&vec![b'x'; 5_000_000]), Some("zstd"), limit);
        check(gzip(&[b'x'; 1_000]), Some("gzip"), Ok(&"x".repeat(1_000)));
    }

    #[test]
    fn what_is_broken_or_unknown_is_refused() {
        let whole = gzip(b"hello, hello, hello");
        check(whole[..whole.len() - 6].to_vec(), Some("gzip"), Err("the body is not valid gzip, or ends too early"));
        let whole = zstd(b"hello, hello, hello");
        check(whole[..whole.len() - 6].to_vec(), Some("zstd"), Err("the body is not valid zstd, or ends too early"));
        check(b"plain".into(), Some("gzip"), Err("the body is not valid gzip, or ends too early"));
        check(b"x".into(), Some("br"), Err("the body's encoding br is not known; send identity, gzip or zstd"));
        let empty = Err("the body is empty: send one JSON object a line, or a JSON array of objects");
        check(vec![], None, empty);
        check(gzip(b""), Some("gzip"), empty);
    }
}
