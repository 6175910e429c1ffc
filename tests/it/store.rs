//! The embedded store on the real engine.

pub mod inserting;
mod installing;
pub mod migrating;
mod opening;
pub mod querying;
