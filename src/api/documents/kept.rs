//! Texts that clients have sent with their hash, kept so that the hash alone is enough the next time.
//!
//! Each tenant has its own: nothing that one sends can be found by another, or push out what another has sent. Texts are
//! kept and not what was parsed of them, so that their bytes are what they cost, and each run passes the limits again.
//! Written by hand: a cache of the registry bounds the whole, and here each tenant has two bounds of its own.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::text_hash::TextHash;
use crate::api::limits::Limits;

/// What is kept for every tenant.
pub struct KeptTexts {
    bounds: Bounds,
    tenants: Mutex<HashMap<String, TenantTexts>>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    tenants: usize,
    texts: usize,
    bytes: usize,
    text_bytes: usize,
}

impl KeptTexts {
    pub fn new(limits: &Limits) -> Self {
        let bounds = Bounds {
            tenants: limits.persisted_tenants,
            texts: limits.persisted_queries,
            bytes: limits.persisted_bytes,
            text_bytes: limits.persisted_query_bytes,
        };
        Self { bounds, tenants: Mutex::default() }
    }

    /// The text that this tenant has sent with this hash.
    pub fn find(&self, tenant: &str, hash: TextHash) -> Option<Arc<str>> {
        self.lock().get_mut(tenant)?.find(hash)
    }

    /// Keeps a text that has this hash, if there is room; what was least recently used goes first.
    ///
    /// A tenant beyond their number is not kept anything for: to make room would let one push out another.
    pub fn keep(&self, tenant: &str, hash: TextHash, text: &str) {
        if self.bounds.text_bytes < text.len() {
            return;
        }
        let mut tenants = self.lock();
        if let Some(texts) = tenants.get_mut(tenant) {
            texts.keep(hash, text, self.bounds);
        } else if tenants.len() < self.bounds.tenants {
            tenants.entry(tenant.to_owned()).or_default().keep(hash, text, self.bounds);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, TenantTexts>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept for one tenant.
#[derive(Default)]
struct TenantTexts {
    texts: HashMap<TextHash, KeptText>,
    /// The hashes by when they were last used.
    uses: BTreeMap<u64, TextHash>,
    uses_count: u64,
    bytes: usize,
}

struct KeptText {
    text: Arc<str>,
    last_use: u64,
}

impl TenantTexts {
    fn find(&mut self, hash: TextHash) -> Option<Arc<str>> {
        let kept = self.texts.get_mut(&hash)?;
        self.uses.remove(&kept.last_use);
        self.uses_count += 1;
        kept.last_use = self.uses_count;
        self.uses.insert(kept.last_use, hash);
        Some(Arc::clone(&kept.text))
    }

    fn keep(&mut self, hash: TextHash, text: &str, bounds: Bounds) {
        if self.find(hash).is_some() {
            return;
        }
        self.uses_count += 1;
        self.bytes += text.len();
        self.uses.insert(self.uses_count, hash);
        self.texts.insert(hash, KeptText { text: text.into(), last_use: self.uses_count });
        while bounds.texts < self.texts.len() || bounds.bytes < self.bytes {
            let Some((_, oldest)) = self.uses.pop_first() else { return };
            self.bytes -= self.texts.remove(&oldest).map_or(0, |kept| kept.text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(tenants: usize, texts: usize, bytes: usize, text_bytes: usize) -> KeptTexts {
        KeptTexts { bounds: Bounds { tenants, texts, bytes, text_bytes }, tenants: Mutex::default() }
    }

    fn keep(kept: &KeptTexts, tenant: &str, text: &str) {
        kept.keep(tenant, TextHash::of(text), text);
    }

    fn found(kept: &KeptTexts, tenant: &str, texts: &str) -> String {
        texts.chars().filter(|text| kept.find(tenant, TextHash::of(&text.to_string())).is_some()).collect()
    }

    #[test]
    fn what_was_least_recently_used_goes_first() {
        let kept = kept(2, 3, 100, 10);
        for text in ["a", "b", "c"] {
            keep(&kept, "acme", text);
        }
        assert_eq!(found(&kept, "acme", "a"), "a");
        keep(&kept, "acme", "b");
        keep(&kept, "acme", "d");
        assert_eq!(found(&kept, "acme", "abcd"), "abd");
        assert_eq!(kept.find("acme", TextHash::of("d")).as_deref(), Some("d"));
    }

    #[test]
    fn a_tenant_has_so_many_bytes_and_a_text_so_many() {
        let kept = kept(2, 100, 10, 6);
        keep(&kept, "acme", "a");
        keep(&kept, "acme", "bbbb");
        keep(&kept, "acme", "ccccc");
        assert_eq!(kept.lock()["acme"].bytes, 10);
        keep(&kept, "acme", "d");
        assert_eq!(kept.lock()["acme"].bytes, 10);
        assert_eq!(found(&kept, "acme", "ad"), "d");
        keep(&kept, "acme", "eeeeee");
        assert_eq!(kept.lock()["acme"].bytes, 7);
        assert_eq!(found(&kept, "acme", "d"), "d");
        keep(&kept, "acme", "fffffff");
        assert!(kept.find("acme", TextHash::of("fffffff")).is_none());
        let tenants = kept.lock();
        assert_eq!((tenants["acme"].texts.len(), tenants["acme"].uses.len()), (2, 2));
    }

    #[test]
    fn a_tenant_neither_finds_nor_pushes_out_what_is_anothers() {
        let kept = kept(2, 2, 100, 10);
        keep(&kept, "acme", "a");
        assert_eq!(found(&kept, "umbrella", "a"), "");
        for text in ["b", "c", "d", "e"] {
            keep(&kept, "umbrella", text);
        }
        // There is room for two tenants.
        keep(&kept, "initech", "f");
        assert_eq!(found(&kept, "acme", "abcdef"), "a");
        assert_eq!(found(&kept, "umbrella", "abcdef"), "de");
        assert_eq!(found(&kept, "initech", "abcdef"), "");
        assert_eq!(kept.lock().len(), 2);
    }
}
