//! Arguments that the library does not check.
//!
//! A dynamic schema lets an `Int` argument be any 64-bit integer, and its own message on a wrong one is internal.

use async_graphql::{Error, dynamic::ValueAccessor};

use super::errors::{ApiError, Code};

/// The integer in `value` if it lies in `minimum..=maximum`; the error names argument, value and bounds.
pub fn bounded_int(value: &ValueAccessor<'_>, name: &str, minimum: i32, maximum: i32) -> Result<i32, Error> {
    let bounded = value.i64().ok().and_then(|number| i32::try_from(number).ok());
    match bounded {
        Some(number) if (minimum..=maximum).contains(&number) => Ok(number),
        _ => {
            // A wrong value may be a long list; forty characters show which one is meant.
            let given: String = value.as_value().to_string().chars().take(40).collect();
            let message =
                format!("the argument `{name}` is {given}; it must be an integer from {minimum} to {maximum}");
            Err(ApiError::new(Code::InvalidQuery, message).into())
        }
    }
}
