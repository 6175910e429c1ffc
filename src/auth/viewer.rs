//! The one who asks: role, tenant, and what of the tenant is visible.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{AuthError, Grant};
use crate::model::{Scope, Sight};

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
    type Err = AuthError;

    fn from_str(name: &str) -> Result<Self, AuthError> {
        Self::ALL
            .into_iter()
            .find(|role| role.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| AuthError::UnknownRole { name: name.chars().take(40).collect() })
    }
}

/// The one who asks, as a verified token says.
///
/// Only [`super::Authenticator`] makes one, so a viewer is always somebody who holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    // Invariant: passed `Grant::check`, so an operator has an id and a supervisor has teams.
    grant: Grant,
}

impl Viewer {
    pub(super) fn new(grant: Grant) -> Result<Self, AuthError> {
        grant.check()?;
        Ok(Self { grant })
    }

    pub fn sub(&self) -> &str {
        &self.grant.sub
    }

    pub fn tenant(&self) -> &str {
        &self.grant.tenant
    }

    pub fn role(&self) -> Role {
        self.grant.role
    }

    pub fn operator(&self) -> Option<&str> {
        self.grant.operator.as_deref()
    }

    pub fn teams(&self) -> &[String] {
        &self.grant.teams
    }

    /// What this viewer may read; `None` for a service, which reads nothing.
    pub fn scope(&self) -> Option<Scope> {
        let sight = match self.grant.role {
            Role::Service => return None,
            Role::Manager | Role::Admin => Sight::Everything,
            Role::Supervisor => Sight::Teams(self.grant.teams.clone()),
            Role::Operator => Sight::Operators(self.grant.operator.iter().cloned().collect()),
        };
        Some(Scope::granted(self.grant.tenant.clone(), sight))
    }
}
