//! What platforms send: checked, stored, answered, counted. The platforms themselves are in the modules below.

mod days;
mod house;
mod letters;
mod secrets;
