//! The one who asks: role, tenant, and what of the tenant is visible.

use super::{AuthError, Grant};
use crate::model::{Peers, Role, Scope, Sight};

/// The one who asks, as a verified token says.
///
/// Only [`super::Authenticator`] makes one, so a viewer is always somebody who holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    // Invariant: passed `Grant::check`, so an operator has an id and a supervisor has teams.
    grant: Grant,
    issuer: String,
}

impl Viewer {
    pub(super) fn new(grant: Grant, issuer: &str) -> Result<Self, AuthError> {
        grant.check()?;
        Ok(Self { grant, issuer: issuer.to_owned() })
    }

    pub fn sub(&self) -> &str {
        &self.grant.sub
    }

    /// Whose token it is: a `sub` is unique within its issuer alone.
    pub fn issuer(&self) -> &str {
        &self.issuer
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
        Some(Scope::granted(self.grant.tenant.clone(), self.grant.role, sight))
    }

    /// Whom this viewer may be compared with; `None` for who is no operator, or reads nothing.
    pub fn peers(&self) -> Option<Peers> {
        let operator = self.grant.operator.clone().filter(|_| self.grant.role != Role::Service)?;
        Some(Peers::granted(self.grant.tenant.clone(), self.grant.role, operator))
    }
}

/// Everything of a tenant, for a command that is run where the data lie: whoever runs it can read them anyway, and has no
/// token. Never for a request (a tidy test holds who asks).
pub fn owner(tenant: &str) -> Scope {
    Scope::granted(tenant.to_owned(), Role::Manager, Sight::Everything)
}
