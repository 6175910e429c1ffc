//! Limits of a server, and those that a role has of its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::table::{SPECS, SpecScope};
use super::{LimitRow, Limits};
use crate::auth::Role;

/// The limits of every role.
#[derive(Clone, Debug, Default)]
pub struct LimitsByRole {
    all: Arc<Limits>,
    own: HashMap<Role, Arc<Limits>>,
}

/// Configured values by the names of limits.
pub type Values = HashMap<String, u64>;

impl LimitsByRole {
    /// The defaults, with some values for everybody and others for a role.
    ///
    /// # Errors
    /// When a name is none of a limit, the limit cannot be configured there, or the value is out of bounds.
    pub fn configured(for_all: &Values, for_roles: &HashMap<Role, Values>) -> Result<Self, LimitError> {
        let mut all = Limits::default();
        for (name, value) in for_all {
            set(&mut all, name, *value, None)?;
        }
        let mut own = HashMap::new();
        for (role, values) in for_roles {
            let mut limits = all.clone();
            for (name, value) in values {
                set(&mut limits, name, *value, Some(*role))?;
            }
            own.insert(*role, Arc::new(limits));
        }
        Ok(Self { all: Arc::new(all), own })
    }

    /// Those that hold before it is known who asks, and for roles that have none of their own.
    pub fn of_all(&self) -> &Arc<Limits> {
        &self.all
    }

    /// Those of the server: a query of any role may take so long.
    pub fn of_server(&self) -> Limits {
        let execution_time = Role::ALL.map(|role| self.of(role).execution_time).into_iter().max();
        Limits { execution_time: execution_time.unwrap_or_default(), ..(*self.all).clone() }
    }

    pub fn of(&self, role: Role) -> &Arc<Limits> {
        self.own.get(&role).unwrap_or(&self.all)
    }

    /// What a role has of its own, for people.
    pub fn own_rows(&self) -> Vec<(Role, LimitRow)> {
        let differs = |role: Role| {
            let rows = self.of(role).rows().into_iter().zip(self.all.rows());
            rows.filter(|(own, of_all)| own != of_all).map(move |(own, _)| (role, own))
        };
        Role::ALL.into_iter().flat_map(differs).collect()
    }
}

impl From<Limits> for LimitsByRole {
    fn from(limits: Limits) -> Self {
        Self { all: Arc::new(limits), own: HashMap::new() }
    }
}

fn set(limits: &mut Limits, name: &str, value: u64, role: Option<Role>) -> Result<(), LimitError> {
    let name = name.to_owned();
    let Some(spec) = SPECS.iter().find(|spec| spec.name == name) else {
        return Err(LimitError::Unknown { name });
    };
    match (spec.scope, role) {
        (SpecScope::Fixed, _) => return Err(LimitError::Fixed { name }),
        (SpecScope::Server, Some(role)) => return Err(LimitError::OfServer { name, role }),
        (SpecScope::Viewer, _) | (SpecScope::Server, None) => {}
    }
    // Not to wait for what is being derived is a choice; nothing else works without any.
    let least = u64::from(spec.name != "catchUpSeconds");
    if value < least || spec.most < value {
        return Err(LimitError::OutOfBounds { name, value, least, most: spec.most });
    }
    spec.set(limits, value);
    Ok(())
}

/// What is wrong with a configured limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    #[error("`{name}` is no limit: the query `limits` and the README name them all")]
    Unknown { name: String },
    #[error("the limit `{name}` is part of what the program is and cannot be configured")]
    Fixed { name: String },
    #[error("the limit `{name}` is the server's and not a role's: move it from `[limits.{}]` to `[limits]`", .role.name().to_ascii_lowercase())]
    OfServer { name: String, role: Role },
    #[error("the limit `{name}` is {value}; it must be from {least} to {most}")]
    OutOfBounds { name: String, value: u64, least: u64, most: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(name: &str, value: u64) -> Values {
        HashMap::from([(name.to_owned(), value)])
    }

    #[test]
    fn a_role_has_what_all_have_and_its_own() {
        let own = HashMap::from([(Role::Operator, values("groups", 5))]);
        let limits = LimitsByRole::configured(&values("pages", 7), &own).unwrap();
        let operator = limits.of(Role::Operator);
        assert_eq!((operator.groups, operator.pages), (5, 7));
        let manager = limits.of(Role::Manager);
        assert_eq!((manager.groups, manager.pages), (Limits::default().groups, 7));
        assert_eq!(limits.own_rows(), [(Role::Operator, LimitRow { name: "groups", value: 5, unit: "groups" })]);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refusal = |name: &str, value: u64, role: Option<Role>| {
            let (all, own) = match role {
                None => (values(name, value), HashMap::new()),
                Some(role) => (Values::new(), HashMap::from([(role, values(name, value))])),
            };
            LimitsByRole::configured(&all, &own).unwrap_err().to_string()
        };
        assert!(refusal("group", 1, None).starts_with("`group` is no limit"));
        assert!(refusal("rangeDays", 1, None).contains("cannot be configured"));
        assert!(refusal("connections", 1, Some(Role::Admin)).contains("move it from `[limits.admin]` to `[limits]`"));
        assert_eq!(refusal("nesting", 65, None), "the limit `nesting` is 65; it must be from 1 to 64");
        assert_eq!(refusal("pages", 0, None), "the limit `pages` is 0; it must be from 1 to 1000000");
        assert!(LimitsByRole::configured(&values("catchUpSeconds", 0), &HashMap::new()).is_ok());
    }
}
