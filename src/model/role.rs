//! Roles of those who ask, and who may read what. What of a tenant a role sees is its `Scope`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What kind of user a token was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees its own figures.
    #[serde(alias = "OPERATOR")]
    Operator,
    /// Sees its teams' figures.
    #[serde(alias = "SUPERVISOR")]
    Supervisor,
    /// Sees everything of the tenant.
    #[serde(alias = "MANAGER")]
    Manager,
    /// Sends events and reads nothing.
    #[serde(alias = "SERVICE")]
    Service,
    /// Sees everything of the tenant and may administer it.
    #[serde(alias = "ADMIN")]
    Admin,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Operator, Self::Supervisor, Self::Manager, Self::Service, Self::Admin];

    /// The name in GraphQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "OPERATOR",
            Self::Supervisor => "SUPERVISOR",
            Self::Manager => "MANAGER",
            Self::Service => "SERVICE",
            Self::Admin => "ADMIN",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownRole { name: name.chars().take(40).collect() })
    }
}

/// A name that no role has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a role: choose operator, supervisor, manager, service or admin")]
pub struct UnknownRole {
    pub name: String,
}

/// Who may read something, within what they see at all; the later, the fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Readers {
    /// Every holder of a token: it tells of the house, not of a tenant.
    Anyone,
    /// Everybody who sees something of a tenant: all but services.
    Everyone,
    /// Managers and administrators: figures of the business, and how the house works inside.
    Managers,
    /// Administrators alone: what cannot be undone.
    Admins,
}

impl Readers {
    /// The one rule of who may read what.
    pub fn include(self, role: Role) -> bool {
        match (self, role) {
            (Self::Anyone, _) | (_, Role::Admin) | (Self::Everyone | Self::Managers, Role::Manager) => true,
            (Self::Everyone, Role::Operator | Role::Supervisor) => true,
            (Self::Everyone, Role::Service)
            | (Self::Managers, Role::Operator | Role::Supervisor | Role::Service)
            | (Self::Admins, _) => false,
        }
    }

    /// What a description says of it, after a space; nothing where nobody needs to be told.
    pub fn told(self) -> &'static str {
        match self {
            Self::Anyone | Self::Everyone => "",
            Self::Managers => " For the roles MANAGER and ADMIN.",
            Self::Admins => " For the role ADMIN.",
        }
    }

    /// Why somebody may not read `what`.
    pub fn refusal(self, what: &str, role: Role) -> String {
        match (self, role) {
            (Self::Everyone, Role::Service) => {
                "a token of the role SERVICE sends events and reads nothing: use one of a person".to_owned()
            }
            (Self::Admins, _) => format!("`{what}` is for the role ADMIN, and this token has the role {role}"),
            _ => format!("`{what}` is for the roles MANAGER and ADMIN, and this token has the role {role}"),
        }
    }
}
