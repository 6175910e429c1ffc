//! Attacks on the whole API that belong to no other file, and the table of all of them.

mod injection;
pub mod isolation;
mod table;
