//! What platforms send: checked, stored, answered, counted. The platforms themselves are in the modules below.

pub mod days;
pub mod house;
pub mod letters;
mod secrets;
