//! What a command prints to standard output.

use std::io::{self, Write};

/// Prints; that whoever reads has had enough is no failure of the command.
///
/// # Errors
/// When it cannot be written for another reason.
pub(super) fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
