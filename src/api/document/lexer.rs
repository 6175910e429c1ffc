//! Counting a document's tokens before it is parsed.
//!
//! The parser builds a tree of everything it is sent and recurses on brackets, so both are bounded here, in one
//! pass without memory. This is no full lexer: what is not GraphQL is left for the parser to refuse.

use super::super::{
    errors::ApiError,
    limits::{Limits, check_limit},
};

/// Refuses a document with too many tokens or brackets too deep.
pub fn check(source: &str, limits: &Limits) -> Result<(), ApiError> {
    let size = measure(source);
    check_limit("tokens", limits.tokens, size.tokens)?;
    check_limit("nesting", limits.nesting, size.nesting)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Size {
    tokens: usize,
    nesting: usize,
}

fn measure(source: &str) -> Size {
    let mut size = Size::default();
    let mut open: usize = 0;
    let mut blocks_close = true;
    let bytes = source.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let length = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += line_length(&bytes[at..]);
                continue;
            }
            b'"' => string_length(&bytes[at..], &mut blocks_close),
            b'.' if bytes[at..].starts_with(b"...") => 3,
            b'{' | b'(' | b'[' => {
                open += 1;
                size.nesting = size.nesting.max(open);
                1
            }
            b'}' | b')' | b']' => {
                open = open.saturating_sub(1);
                1
            }
            // The parser reads `000` as three numbers, so each zero that leads is a token of its own. Parts of a
            // fraction count apart as well: counting too much is safe, and queries hold few fractions.
            b'0' => 1,
            byte if is_word(*byte) => bytes[at..].iter().take_while(|byte| is_word(**byte)).count(),
            _ => 1,
        };
        size.tokens += 1;
        at += length;
    }
    size
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len())
}

/// How long the string is that starts here, quotes included; to the end of its line if it is never closed.
fn string_length(bytes: &[u8], blocks_close: &mut bool) -> usize {
    if !bytes.starts_with(b"\"\"\"") {
        return line_string_length(bytes);
    }
    if *blocks_close {
        let mut at = 3;
        while at < bytes.len() {
            if bytes[at..].starts_with(b"\"\"\"") {
                return at + 3;
            }
            at += if bytes[at..].starts_with(b"\\\"\"\"") { 4 } else { 1 };
        }
        // What does not close here closes nowhere further on; looking again each time would cost the square.
        *blocks_close = false;
    }
    // The parser reads a block string that is never closed as an empty string and goes on after it.
    2
}

/// A line's end closes a broken string, so that a quote does not hide the brackets after it.
fn line_string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, tokens: usize, nesting: usize) {
        assert_eq!(measure(source), Size { tokens, nesting }, "{source}");
    }

    #[test]
    fn tokens_are_counted_and_the_rest_is_not() {
        check("", 0, 0);
        check("{ a }", 3, 1);
        check("{ a, b # c { { {\n }", 4, 1);
        check("query Q($n: Int! = 1) { a(n: $n) { ...F } }", 24, 2);
        check("{ a(x: -1.5e3) }", 11, 2);
        check("[000 10 0]", 7, 1);
    }

    #[test]
    fn strings_are_one_token_whatever_they_hold() {
        check(r#"{ a(x: "{ { {") }"#, 8, 2);
        check(r#"{ a(x: "\"{{{") }"#, 8, 2);
        check(r#"{ a(x: "\\") }"#, 8, 2);
        check("{ a(x: \"\"\"{ \" \\\"\"\" { \"\"\") }", 8, 2);
        check(r#"{ a(x: "") }"#, 8, 2);
    }

    #[test]
    fn many_block_strings_that_never_close_cost_no_square() {
        let begin = std::time::Instant::now();
        let source = r#"\""" "#.repeat(50_000);
        assert!(50_000 < measure(&source).tokens);
        assert!(begin.elapsed().as_secs() < 2, "{:?}", begin.elapsed());
    }

    #[test]
    fn a_string_that_is_never_closed_hides_only_its_line() {
        check("\"\n{ { {", 4, 3);
        check("\"abc", 1, 0);
        check("[\"\"\"[\" [[", 5, 3);
        check("\"abc\\", 1, 0);
    }
}
