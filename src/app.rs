//! The composition root: configuration, the command line, and everything put together in one place.
//!
//! Nothing else in the crate is built here twice, and nothing here computes a figure.

pub mod backup;
pub mod build;
pub mod cli;
pub mod commands;
pub mod config;
pub mod connections;
pub mod demo;
pub mod documents;
pub mod erase;
mod findings;
pub mod issuers;
pub mod logging;
pub mod options;
mod print;
mod progress;
pub mod replay;
pub mod serve;
pub mod traces;
pub mod worker;
