//! Which ids were never seen: a Bloom filter that grows. It never says of an id that was noted that it was not, and of one id
//! in a hundred that was not that it may have been. It knows no store.

use fastbloom::BloomFilter;

/// Ids of the first layer: 1.2 MB. Each further one holds twice as many as the one before.
const FIRST_IDS: usize = 1 << 20;

/// Layers: together 134 million ids in 160 MB. Ids beyond that go to the last one, which then says "may have been" more and
/// more often: that costs a question, and no answer becomes wrong.
const LAYERS_MAX: usize = 7;

const FALSE_POSITIVES: f64 = 0.01;

/// Ids of all tenants.
pub(super) struct Filter {
    layers: Vec<BloomFilter>,
    /// How many ids the last layer still takes.
    room: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self { layers: vec![layer(FIRST_IDS)], room: FIRST_IDS }
    }
}

fn layer(ids: usize) -> BloomFilter {
    BloomFilter::with_false_pos(FALSE_POSITIVES).expected_items(ids)
}

impl Filter {
    /// Whether the id may have been noted.
    pub fn may_hold(&self, tenant: &str, id: &str) -> bool {
        self.layers.iter().any(|layer| layer.contains(&(tenant, id)))
    }

    pub fn note(&mut self, tenant: &str, id: &str) {
        if self.room == 0 && self.layers.len() < LAYERS_MAX {
            let ids = FIRST_IDS << self.layers.len();
            self.layers.push(layer(ids));
            self.room = ids;
        }
        if let Some(last) = self.layers.last_mut() {
            last.insert(&(tenant, id));
        }
        self.room = self.room.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_never_denied_and_little_else_is_taken_for_it() {
        let mut filter = Filter::default();
        let ids = FIRST_IDS + 1_000;
        for number in 0..ids {
            filter.note("acme", &number.to_string());
        }
        assert_eq!(filter.layers.len(), 2);
        assert!((0..ids).all(|number| filter.may_hold("acme", &number.to_string())));
        let mistaken = (0..10_000).filter(|number| filter.may_hold("other", &number.to_string())).count();
        assert!(mistaken < 400, "{mistaken} of 10000");
    }
}
