//! A connection's archive read again with another connector: shown, published, broken off.

mod house;
mod publishing;
mod refusing;
mod showing;
mod tables;
