//! GraphQL over HTTP, as the working draft and its 61 audits ask, and nothing of what is asked.
//!
//! The path of a request: [`accept`] → [`bearer`] → [`parameters`] (with [`body`]) → `api::document` → the schema →
//! [`answer`]. Written by hand because the library's own handler runs mutations over GET and batches of any size.
//! Subscriptions are not served here.

pub mod accept;
pub mod answer;
pub mod bearer;
pub mod body;
pub mod client;
pub mod cors;
pub mod graphql;
pub mod page;
pub mod parameters;
pub mod request_id;
pub mod room;
