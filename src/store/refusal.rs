//! What the engine's refusals mean to those who asked, whichever way it was asked.

use super::StoreError;
use super::limits::Limits;
use crate::sql::Value;

/// The engine's codes that mean something to a caller; all others are [`StoreError::Engine`].
const TIMEOUT_EXCEEDED: i32 = 159;
const TOO_MANY_ROWS: i32 = 158;
const MEMORY_LIMIT_EXCEEDED: i32 = 241;
const NOT_ENOUGH_SPACE: i32 = 243;
const QUERY_WAS_CANCELLED: i32 = 394;
const TOO_MANY_ROWS_OR_BYTES: i32 = 396;

/// EMFILE, as the engine writes it under many codes: whatever it was about to open.
const TOO_MANY_OPEN_FILES: &str = "errno: 24, strerror: Too many open files";

/// Codes by which the engine refuses what a row says: a value that a column, a function or a rule of a table does not take.
/// Whatever else is wrong is wrong for all rows, or will pass; a row that is blamed for it would be lost.
const ABOUT_ROWS: [i32; 24] = [
    6,   // a text that cannot be parsed
    26,  // a quoted one
    27,  // what is written otherwise than expected
    32,  // a value that ends too early
    38,  // a date
    41,  // a date with time
    69,  // an argument out of bounds
    70,  // a type into which a value does not go
    72,  // a number
    117, // data that is wrong in itself
    128, // an array that is too large
    131, // a text that is too large
    153, // a division by zero
    190, // arrays of different sizes
    321, // a value that a type does not have
    349, // nothing where something must be
    376, // a UUID
    395, // a rule that throws
    407, // an amount that is too large
    467, // neither true nor false
    469, // a rule of a table
    675, // an address
    676, // another one
    691, // a name that an enumeration does not have
];

/// There is no such table.
pub(super) const UNKNOWN_TABLE: i32 = 60;

/// Codes by which a user is kept from writing.
pub(super) const READONLY: i32 = 164;
pub(super) const ACCESS_DENIED: i32 = 497;

/// Codes of servers in trouble, which say nothing of the statement.
pub(super) const TOO_MANY_SIMULTANEOUS_QUERIES: i32 = 202;
pub(super) const NO_FREE_CONNECTION: i32 = 203;
pub(super) const SOCKET_TIMEOUT: i32 = 209;
pub(super) const NETWORK_ERROR: i32 = 210;
pub(super) const ABORTED: i32 = 236;
pub(super) const TABLE_IS_READ_ONLY: i32 = 242;
pub(super) const ALL_CONNECTION_TRIES_FAILED: i32 = 279;
pub(super) const KEEPER_EXCEPTION: i32 = 999;

impl StoreError {
    /// Whether it can be about what is in the rows, so that others might be taken.
    pub fn is_about_rows(&self) -> bool {
        match self {
            Self::Engine { code, .. } => ABOUT_ROWS.contains(code),
            // The program's columns are not the table's: no row would fit.
            Self::WrongColumns { .. } => false,
            Self::TimedOut { .. }
            | Self::Busy { .. }
            | Self::TooMuchMemory { .. }
            | Self::TooManyRows { .. }
            | Self::DiskFull
            | Self::NoMemory
            | Self::NoDescriptors
            | Self::Unreachable { .. }
            | Self::NoShard { .. }
            | Self::Closed => false,
        }
    }
}

pub(super) fn read_error(message: &str, values: &[Value], limits: &Limits) -> StoreError {
    let (code, message) = parse(message, values);
    match code {
        TIMEOUT_EXCEEDED | QUERY_WAS_CANCELLED => StoreError::TimedOut { seconds: limits.seconds },
        MEMORY_LIMIT_EXCEEDED => StoreError::TooMuchMemory { limit_bytes: limits.memory_bytes },
        TOO_MANY_ROWS => StoreError::TooManyRows { limit: "max_rows_to_read", rows: limits.rows_read },
        TOO_MANY_ROWS_OR_BYTES => StoreError::TooManyRows { limit: "max_result_rows", rows: limits.rows_returned },
        NOT_ENOUGH_SPACE => StoreError::DiskFull,
        _ if message.contains(TOO_MANY_OPEN_FILES) => StoreError::NoDescriptors,
        _ => StoreError::Engine { code, message },
    }
}

pub(super) fn write_error(message: &str, values: &[Value]) -> StoreError {
    match parse(message, values) {
        (NOT_ENOUGH_SPACE, _) => StoreError::DiskFull,
        (MEMORY_LIMIT_EXCEEDED, _) => StoreError::NoMemory,
        (_, message) if message.contains(TOO_MANY_OPEN_FILES) => StoreError::NoDescriptors,
        (code, message) => StoreError::Engine { code, message },
    }
}

/// The code and the text of `[chdb] Code: N. DB::Exception: text`; the code is 0 where there is none.
///
/// What the engine repeats of the statement is cut off and values are blotted out: they are ids and names of people,
/// which nobody may read in a log.
pub(super) fn parse(message: &str, values: &[Value]) -> (i32, String) {
    let parsed = message.split_once("Code: ").and_then(|(_, rest)| {
        let (code, text) = rest.split_once(". DB::Exception: ")?;
        Some((code.parse::<i32>().ok()?, text))
    });
    let (code, mut text) = parsed.unwrap_or((0, message));
    for statement in
        ["(in query: ", " In query ", " in query ", " In scope ", " in scope ", ": failed at position ", " (version "]
    {
        text = text.split_once(statement).map_or(text, |(before, _)| before);
    }
    let mut text = text.to_owned();
    for value in values {
        // Shorter ones name nobody, and to replace each `a` would leave nothing to read.
        if let Value::Text(value) = value
            && 2 < value.len()
        {
            text = text.replace(value.as_str(), "…");
        }
    }
    (code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_of_the_machine_is_told_from_a_mistake_in_a_statement() {
        let pipe = "[chdb] Code: 298. DB::Exception: Cannot create pipe: , errno: 24, strerror: Too many open files: while \
                    pushing to view rapport.contact_events_feed. (CANNOT_PIPE)";
        assert!(matches!(write_error(pipe, &[]), StoreError::NoDescriptors));
        assert!(matches!(read_error(pipe, &[], &Limits::default()), StoreError::NoDescriptors));
        let full = "[chdb] Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)";
        assert!(matches!(write_error(full, &[]), StoreError::DiskFull));
        assert!(matches!(write_error("[chdb] Code: 60. DB::Exception: Unknown table", &[]), StoreError::Engine { .. }));
        let memory = "[chdb] Code: 241. DB::Exception: (total) memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)";
        assert!(matches!(write_error(memory, &[]), StoreError::NoMemory));
    }

    #[test]
    fn only_what_a_row_says_can_be_its_fault() {
        let engine = |code| StoreError::Engine { code, message: String::new() };
        for about_rows in [469, 395, 407, 349] {
            assert!(engine(about_rows).is_about_rows(), "{about_rows}");
        }
        for code in [0, 16, 36, 60, 159, 164, 241, 252, 285, 319, 394, 439, 497, 999, 1_001] {
            assert!(!engine(code).is_about_rows(), "{code}");
        }
        for error in [
            StoreError::DiskFull,
            StoreError::NoMemory,
            StoreError::Closed,
            StoreError::Busy { seconds: 1 },
            StoreError::TimedOut { seconds: 1 },
            StoreError::WrongColumns { table: "events", reason: String::new() },
        ] {
            assert!(!error.is_about_rows(), "{error}");
        }
    }

    #[test]
    fn the_engines_code_and_text_are_found_and_its_copy_of_the_statement_is_left_out() {
        let values = [Value::from("anna")];
        let check = |message: &str, code: i32, text: &str| assert_eq!(parse(message, &values), (code, text.to_owned()));
        check("[chdb] Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT)", 159, "Timeout exceeded. (TIMEOUT)");
        check("[chdb] Code: 60. DB::Exception: Unknown 't' in scope SELECT 'x'. (X)", 60, "Unknown 't'");
        check("[chdb] Code: 164. DB::Exception: Cannot: (in query: SELECT 1). (X)", 164, "Cannot: ");
        check("[chdb] Code: 6. DB::Exception: Cannot parse 'anna' as number", 6, "Cannot parse '…' as number");
        check("no connection", 0, "no connection");
    }
}
