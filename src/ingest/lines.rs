//! A body becomes items: one JSON object a line, or a JSON array of objects.
//!
//! The first byte that is not blank decides which, unless the sender says that it sends lines: then a first line that is bad
//! costs only itself too. An array that is broken as a whole is refused before anything of it is taken. Nothing here is copied:
//! items are read from the body in place.

use bytes::Bytes;

use super::item::Item;

/// Bytes of a rest in which the most items that there can be are counted.
const COUNTED_BYTES_MAX: usize = 16 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The items of a body, in order.
#[derive(Clone, Debug)]
pub struct Lines {
    body: Bytes,
    /// Where the rest begins.
    position: usize,
    /// How many lines or array items were passed.
    line: u64,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Lines,
    Array,
}

/// Takes a body apart.
///
/// # Errors
/// When nothing of it can be read.
pub fn split(body: Bytes) -> Result<Lines, LinesError> {
    let lines = split_lines(body)?;
    let blank = lines.body[lines.position..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let first = lines.position + blank;
    if lines.body[first] != b'[' {
        return Ok(lines);
    }
    check_array(&lines.body, first + 1)?;
    Ok(Lines { position: first + 1, shape: Shape::Array, ..lines })
}

/// Takes a body apart that has one item a line, whatever the first of them looks like.
///
/// # Errors
/// When it is empty or of another encoding.
pub fn split_lines(body: Bytes) -> Result<Lines, LinesError> {
    if is_utf16(&body) {
        return Err(LinesError::Utf16);
    }
    let position = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    if body[position..].iter().all(u8::is_ascii_whitespace) {
        return Err(LinesError::Empty);
    }
    Ok(Lines { body, position, line: 0, shape: Shape::Lines })
}

/// A mark of UTF-16 and then a character that JSON can begin with. A line of other bytes may begin with the mark alone.
fn is_utf16(body: &[u8]) -> bool {
    match *body {
        [0xff, 0xfe, first, 0, ..] | [0xfe, 0xff, 0, first, ..] => {
            first.is_ascii_graphic() || first.is_ascii_whitespace()
        }
        _ => false,
    }
}

impl Iterator for Lines {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        match self.shape {
            Shape::Lines => self.next_line(),
            Shape::Array => self.next_array_item(),
        }
    }

    /// Counted only where that takes no time.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let rest = self.body.get(self.position..).unwrap_or_default();
        let between = match self.shape {
            Shape::Lines => b'\n',
            Shape::Array => b',',
        };
        let is_short = rest.len() <= COUNTED_BYTES_MAX;
        (0, is_short.then(|| 1 + rest.iter().filter(|byte| **byte == between).count()))
    }
}

impl Lines {
    fn next_line(&mut self) -> Option<Item> {
        while self.position < self.body.len() {
            let rest = &self.body[self.position..];
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            self.position += length + 1;
            self.line += 1;
            let line = rest[..length].trim_ascii();
            if !line.is_empty() {
                let line = self.body.slice_ref(line);
                return Some(Item::read(self.line, line));
            }
        }
        None
    }

    fn next_array_item(&mut self) -> Option<Item> {
        // The whole array was walked by `check_array`, so an error cannot come up here.
        match next_element(&self.body, self.position).ok()? {
            Element::Item { start, end, next } => {
                self.position = next;
                self.line += 1;
                Some(Item::read(self.line, self.body.slice(start..end)))
            }
            Element::End { .. } => None,
        }
    }
}

enum Element {
    Item { start: usize, end: usize, next: usize },
    End { after: usize },
}

/// Walks the whole array once: its brackets, commas and strings must fit, whatever is in its items.
fn check_array(body: &[u8], mut position: usize) -> Result<(), LinesError> {
    loop {
        match next_element(body, position)? {
            Element::Item { next, .. } => position = next,
            Element::End { after } => {
                let trailing = body[after..].iter().position(|byte| !byte.is_ascii_whitespace());
                return trailing.map_or(Ok(()), |offset| Err(LinesError::AfterArray { byte: after + offset + 1 }));
            }
        }
    }
}

/// Finds the element that begins at `position`: up to the comma or bracket that is in no string and no nesting.
fn next_element(body: &[u8], position: usize) -> Result<Element, LinesError> {
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let start = position + body[position..].iter().take_while(|byte| blank(byte)).count();
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut at = start;
    while let Some(&byte) = body.get(at) {
        match byte {
            // What follows a backslash in a string never ends it.
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' if depth == 0 && at == start => return Ok(Element::End { after: at + 1 }),
            // The closing bracket is left where it is: the next call finds it and ends.
            b']' if depth == 0 => return Ok(Element::Item { start, end: at, next: at }),
            b',' if depth == 0 => return Ok(Element::Item { start, end: at, next: at + 1 }),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Err(LinesError::OpenArray { byte: start + 1 })
}

/// Why a body cannot be taken apart at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    #[error("the body is empty: send one JSON object a line, or a JSON array of objects")]
    Empty,
    #[error("the body is UTF-16: send UTF-8")]
    Utf16,
    #[error(
        "the JSON array is broken: the item that begins at byte {byte} does not end, or the closing `]` is missing"
    )]
    OpenArray { byte: usize },
    #[error("the JSON array is broken: something follows its end at byte {byte}")]
    AfterArray { byte: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: &str) {
        let shown = match split(Bytes::copy_from_slice(body.as_bytes())) {
            Err(error) => error.to_string(),
            Ok(lines) => {
                let most = lines.size_hint().1.expect("it is short");
                let items: Vec<String> = lines.map(show).collect();
                assert!(items.len() <= most, "{body:?}");
                items.join(" ")
            }
        };
        assert_eq!(shown, expect, "{body:?}");
    }

    fn show(item: Item) -> String {
        match item.event {
            Ok(event) => format!("{}:{}", item.line, event.id.map_or("-".into(), |id| format!("{id:?}"))),
            Err(_) => format!("{}:bad", item.line),
        }
    }

    #[test]
    fn lines_and_arrays_give_the_same_items() {
        let two = "1:Text(\"a\") 2:Text(\"b\")";
        check("{\"id\":\"a\"}\n{\"id\":\"b\"}", two);
        check("\u{feff}{\"id\":\"a\"}\r\n{\"id\":\"b\"}\r\n", two);
        check("[{\"id\":\"a\"},{\"id\":\"b\"}]", two);
        check("\u{feff} \n [ {\"id\":\"a\"} ,\n {\"id\":\"b\"} ] \n", two);
    }

    #[test]
    fn blank_lines_count_but_are_no_items() {
        check("\n{\"id\":\"a\"}\n\n  \n{\"id\":\"b\"}\n", "2:Text(\"a\") 5:Text(\"b\")");
    }

    #[test]
    fn a_bad_item_costs_only_itself() {
        check("{\"id\":\"a\"}\nnonsense\n{\"id\":\"b\"}", "1:Text(\"a\") 2:bad 3:Text(\"b\")");
        check("[{\"id\":\"a\"}, {nonsense}, 5, , {\"id\":\"b\"}]", "1:Text(\"a\") 2:bad 3:bad 4:bad 5:Text(\"b\")");
    }

    #[test]
    fn a_first_line_that_is_bad_costs_only_itself_where_lines_are_sent() {
        let items =
            |body: &[u8]| split_lines(Bytes::copy_from_slice(body)).map(|lines| lines.map(show).collect::<Vec<_>>());
        for first in ["[]", "[", "[1, 2]", "]"] {
            let body = format!("{first}\n{{\"id\":\"a\"}}");
            assert_eq!(items(body.as_bytes()).unwrap(), ["1:bad", "2:Text(\"a\")"], "{first}");
        }
        // It has the mark of UTF-16 and is none.
        assert_eq!(items(b"\xff\xfe\x00\x80\n{\"id\":\"a\"}").unwrap(), ["1:bad", "2:Text(\"a\")"]);
        assert_eq!(items(b" \n"), Err(LinesError::Empty));
    }

    #[test]
    fn another_encoding_is_named() {
        for text in [b"\xff\xfe{\x00}\x00".as_slice(), b"\xfe\xff\x00{\x00}", b"\xff\xfe\n\x00[\x00"] {
            for lines in [split(Bytes::copy_from_slice(text)), split_lines(Bytes::copy_from_slice(text))] {
                assert_eq!(lines.unwrap_err(), LinesError::Utf16, "{text:?}");
            }
        }
    }

    #[test]
    fn brackets_in_strings_are_text() {
        check(r#"[{"id":"],[\"}"},{"id":"\\"}]"#, r#"1:Text("],[\"}") 2:Text("\\")"#);
    }

    #[test]
    fn a_broken_array_is_refused_as_a_whole() {
        let open = |byte| {
            format!(
                "the JSON array is broken: the item that begins at byte {byte} does not end, or the closing `]` is \
                 missing"
            )
        };
        check("[{\"id\":\"a\"}, {\"id\":", &open(14));
        check("[{\"id\":\"a\"}", &open(2));
        check("[", &open(2));
        check("[{\"id\":[}, 1]", &open(2));
        check("[]x", "the JSON array is broken: something follows its end at byte 3");
        check("[]", "");
    }

    #[test]
    fn an_empty_body_says_what_to_send() {
        let empty = "the body is empty: send one JSON object a line, or a JSON array of objects";
        check("", empty);
        check(" \n\t\r\n", empty);
        check("\u{feff}", empty);
    }
}
