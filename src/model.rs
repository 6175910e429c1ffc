//! The vocabulary that every other module speaks.
//!
//! Plain types with their invariants: no IO, no SQL, no GraphQL, and nothing imported from the rest of the crate.

pub mod channel;
pub mod clock;
pub mod event;
mod hex;
pub mod range;
pub mod retention;
pub mod role;
pub mod scope;
pub mod trace;

pub use channel::{Channel, Level, Signal};
pub use clock::{Clock, SystemClock};
pub use hex::hex;
pub use range::{Granularity, TimeRange, TimeRangeError};
pub use role::{Readers, Role};
pub use scope::{Peers, Scope, Sight};
