//! The embedded store on the real engine.

mod inserting;
mod installing;
mod migrating;
mod opening;
mod querying;
