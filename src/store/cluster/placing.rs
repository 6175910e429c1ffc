//! Which shard a tenant lies on: pure arithmetic, the same in every process and every version. It moves nothing.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Where tenants lie. Shards are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placing {
    // Invariant: 0 < spread <= shards, and every named shard is below `shards`.
    shards: usize,
    spread: usize,
    named: BTreeMap<String, usize>,
}

impl Placing {
    /// Tenants that are not named are spread over the first `spread` shards by a hash. A shard that is added behind those
    /// has the tenants that are named for it, and no other tenant moves.
    ///
    /// # Errors
    /// [`PlacingError`] when it names shards that are not there.
    pub fn new(shards: usize, spread: usize, named: BTreeMap<String, usize>) -> Result<Self, PlacingError> {
        if spread == 0 || shards < spread {
            return Err(PlacingError::Spread { spread, shards });
        }
        match named.iter().find(|(_, shard)| shards <= **shard) {
            Some((tenant, shard)) => {
                Err(PlacingError::NoShard { tenant: tenant.clone(), shard: shard.wrapping_add(1), shards })
            }
            None => Ok(Self { shards, spread, named }),
        }
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// Over how many of them tenants are spread.
    pub fn spread(&self) -> usize {
        self.spread
    }

    pub fn shard_of(&self, tenant: &str) -> usize {
        if let Some(shard) = self.named.get(tenant) {
            return *shard;
        }
        let digest = Sha256::digest(tenant);
        let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(number % self.spread as u64).expect("less than a count of shards")
    }
}

/// Shards are named to people as they are counted: from 1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlacingError {
    #[error("tenants cannot be spread over {spread} of {shards} shards: give 1 to {shards}")]
    Spread { spread: usize, shards: usize },
    #[error("the tenant `{tenant}` is to lie on shard {shard}, and there are {shards}, counted from 1")]
    NoShard { tenant: String, shard: usize, shards: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placing(shards: usize, spread: usize, named: &[(&str, usize)]) -> Result<Placing, PlacingError> {
        let named = named.iter().map(|(tenant, shard)| ((*tenant).to_owned(), *shard));
        Placing::new(shards, spread, named.collect())
    }

    #[test]
    fn a_tenant_lies_where_it_always_lay() {
        let placing = placing(3, 3, &[]).expect("three shards");
        // What is stored follows from this: other numbers would lose tenants.
        let shards = ["acme", "other", "globex", "initech", "Ромашка", ""].map(|tenant| placing.shard_of(tenant));
        assert_eq!(shards, [0, 1, 1, 1, 2, 1]);
    }

    #[test]
    fn a_shard_that_is_added_has_only_whom_it_is_told_to_have() {
        let before = placing(2, 2, &[]).expect("two shards");
        let after = placing(3, 2, &[("new", 2)]).expect("three shards");
        for number in 0..1_000 {
            let tenant = format!("tenant {number}");
            assert_eq!(before.shard_of(&tenant), after.shard_of(&tenant));
        }
        assert_eq!(after.shard_of("new"), 2);
    }

    #[test]
    fn tenants_are_spread_evenly() {
        let placing = placing(4, 4, &[]).expect("four shards");
        let mut counts = [0; 4];
        (0..10_000).for_each(|number| counts[placing.shard_of(&format!("tenant {number}"))] += 1);
        assert!(counts.iter().all(|count| (2_300..2_700).contains(count)), "{counts:?}");
    }

    #[test]
    fn shards_that_are_not_there_are_told() {
        assert_eq!(placing(2, 3, &[]), Err(PlacingError::Spread { spread: 3, shards: 2 }));
        assert_eq!(placing(2, 0, &[]), Err(PlacingError::Spread { spread: 0, shards: 2 }));
        let error = placing(2, 2, &[("acme", 2)]).expect_err("there is no third").to_string();
        assert!(error.contains("`acme` is to lie on shard 3, and there are 2"), "{error}");
    }
}
