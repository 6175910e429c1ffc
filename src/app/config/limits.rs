//! `[limits]` and `[limits.<role>]` of the configuration: values by the names that the query `limits` shows.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::ConfigError;
use crate::api::LimitsByRole;
use crate::auth::Role;

/// As written: numbers for everybody, tables for roles.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct WrittenLimits(HashMap<String, Value>);

impl WrittenLimits {
    /// # Errors
    /// When a name is none of a limit or a role, or a value is no number that the limit can have.
    pub fn limits(self) -> Result<LimitsByRole, ConfigError> {
        let (mut for_all, mut for_roles) = (HashMap::new(), HashMap::new());
        for (name, value) in self.0 {
            match value {
                Value::Object(values) => {
                    let role: Role = name.parse().map_err(|error| form(format!("`[limits.{name}]`: {error}")))?;
                    let number = |(name, value): (String, Value)| Ok((name.clone(), number(&name, &value)?));
                    for_roles.insert(role, values.into_iter().map(number).collect::<Result<_, ConfigError>>()?);
                }
                value => {
                    for_all.insert(name.clone(), number(&name, &value)?);
                }
            }
        }
        LimitsByRole::configured(&for_all, &for_roles).map_err(|error| form(error.to_string()))
    }
}

fn number(name: &str, value: &Value) -> Result<u64, ConfigError> {
    value.as_u64().ok_or_else(|| form(format!("the limit `{name}` is {value}; it must be a whole number")))
}

fn form(reason: String) -> ConfigError {
    ConfigError::Form { reason }
}
