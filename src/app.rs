//! The composition root: configuration, the command line, and everything put together in one place.
//!
//! Nothing else in the crate is built here twice, and nothing here computes a figure.

pub mod build;
//CLI
//COMMANDS
pub mod config;
//DEMO
//OPTIONS
pub mod serve;
