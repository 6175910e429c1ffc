//! Who asks, as budgets and turns know them, and counts of what each has running.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;

use crate::auth::Viewer;

/// A tenant, and a bearer of its tokens. A `sub` is its issuer's: two issuers can mean two people by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bearer {
    pub tenant: Arc<str>,
    issuer: Arc<str>,
    sub: Arc<str>,
}

impl Bearer {
    pub fn of(viewer: &Viewer) -> Self {
        Self { tenant: viewer.tenant().into(), issuer: viewer.issuer().into(), sub: viewer.sub().into() }
    }

    /// Somebody of a test, whatever the token says.
    #[cfg(test)]
    pub fn for_test(tenant: &str, sub: &str) -> Self {
        Self { tenant: tenant.into(), issuer: "test".into(), sub: sub.into() }
    }
}

/// How many of something each has; who has none is not kept.
#[derive(Debug, Default)]
pub struct Counts {
    tenants: HashMap<Arc<str>, usize>,
    bearers: HashMap<Bearer, usize>,
}

impl Counts {
    /// Of the bearer's tenant, and of the bearer.
    pub fn of(&self, bearer: &Bearer) -> (usize, usize) {
        let of_tenant = self.tenants.get(&bearer.tenant).copied().unwrap_or(0);
        (of_tenant, self.bearers.get(bearer).copied().unwrap_or(0))
    }

    pub fn enter(&mut self, bearer: &Bearer) {
        *self.tenants.entry(Arc::clone(&bearer.tenant)).or_default() += 1;
        *self.bearers.entry(bearer.clone()).or_default() += 1;
    }

    pub fn leave(&mut self, bearer: &Bearer) {
        leave(&mut self.tenants, Arc::clone(&bearer.tenant));
        leave(&mut self.bearers, bearer.clone());
    }

    pub fn is_empty(&self) -> bool {
        self.tenants.is_empty() && self.bearers.is_empty()
    }
}

fn leave<Key: Hash + Eq>(counts: &mut HashMap<Key, usize>, key: Key) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}
