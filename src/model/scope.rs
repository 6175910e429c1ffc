//! What a viewer may see: the tenant, which operators' rows in it, and by its role which figures of them.
//!
//! Every fact is read with a `Scope`. Only `auth` makes one (a tidy test holds that), so a scope always
//! comes from a verified token and never from a request's body; but for the one of a command that reads its own data
//! directory (`auth::owner`).

use super::{Readers, Role};

/// Which rows of a tenant are visible.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// Every row of the tenant.
    Everything,
    /// The rows that belong to one of these operators.
    Operators(Vec<String>),
    /// The rows that belonged to one of these teams when they happened.
    Teams(Vec<String>),
}

/// A tenant, what of it is visible, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    tenant: String,
    role: Role,
    sight: Sight,
}

/// One operator, and the right to be compared with a team that it works in. What comes of it names nobody: see
/// `metrics::standing`, the only one to ask for a team's rows by it (a tidy test holds that).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    own: Scope,
    operator: String,
}

impl Peers {
    /// For `auth` alone.
    pub fn granted(tenant: String, role: Role, operator: String) -> Self {
        Self { own: Scope { tenant, role, sight: Sight::Operators(vec![operator.clone()]) }, operator }
    }

    /// The operator's own rows.
    pub fn own(&self) -> &Scope {
        &self.own
    }

    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// The rows of a team.
    pub fn team(&self, team: String) -> Scope {
        Scope { sight: Sight::Teams(vec![team]), ..self.own.clone() }
    }
}

impl Scope {
    /// For `auth` alone.
    pub fn granted(tenant: String, role: Role, sight: Sight) -> Self {
        Self { tenant, role, sight }
    }

    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Whether a figure or column of the rows in sight may be read.
    pub fn may_read(&self, readers: Readers) -> bool {
        readers.include(self.role)
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn sight(&self) -> &Sight {
        &self.sight
    }
}
