//! HTTP and GraphQL: routes, the protocol, limits, and one table of error codes.
//!
//! This module checks and translates; it computes no figure and writes no SQL. A connection enters in [`mod@serve`],
//! through [`tls`] where that is configured, a request in [`server`], the GraphQL-over-HTTP protocol is in [`http`],
//! what a document may cost in [`document`], every limit in [`limits`], every error code in [`errors`], what is
//! recorded of a request in [`audit`], and what platforms send comes by [`webhooks`]; how they fare, and how many
//! requests there were ([`meters`]), is in [`exposition`]; a request is told to logs and traces by [`traces`]. Copies
//! of the store are asked for by [`backups`]. Who may read which field is held in [`access`], what a request costs is
//! in [`price`], who may ask how much in [`rates`], and the attacks that all of this withstands in [`attacks`].

pub mod access;
pub mod arguments;
pub mod arrival;
#[doc = include_str!("api/attacks.md")]
pub mod attacks {}
pub mod audit;
pub mod backups;
pub mod bearers;
pub mod document;
pub mod documents;
pub mod errors;
pub mod execution;
pub mod exposition;
pub mod http;
pub mod limits;
pub mod meters;
pub mod price;
pub mod rates;
pub mod rest;
pub mod schema;
pub mod serve;
pub mod server;
pub mod tls;
pub mod traces;
pub mod turns;
pub mod webhooks;

pub use arguments::bounded_int;
pub use errors::{ApiError, Code};
pub use limits::{Limits, LimitsByRole};
pub use serve::serve;
pub use server::{HttpParts, HttpState, router};
