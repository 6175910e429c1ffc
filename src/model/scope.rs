//! What a viewer may see: the tenant, and which operators' rows in it.
//!
//! Every fact is read with a `Scope`. Only `auth` makes one (a tidy test holds that), so a scope always
//! comes from a verified token and never from a request's body.

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

/// A tenant and what of it is visible.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    tenant: String,
    sight: Sight,
}

impl Scope {
    /// For `auth` alone.
    pub fn granted(tenant: String, sight: Sight) -> Self {
        Self { tenant, sight }
    }

    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    pub fn sight(&self) -> &Sight {
        &self.sight
    }
}
