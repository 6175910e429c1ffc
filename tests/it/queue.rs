//! The queue between the API and the store, on a real broker: what is accepted is stored, once, whatever is killed.

mod away;
mod broker;
mod faults;
mod house;
mod process;
mod refusals;
mod ways_in;
