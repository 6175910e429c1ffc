//! The queue between the API and the store, on a real broker: what is accepted is stored, once, whatever is killed.

mod away;
mod broker;
mod faults;
mod house;
mod nodes;
mod process;
mod refusals;
mod three;
mod ways_in;
