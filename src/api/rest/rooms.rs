//! Room for bodies of events: how much there is for all, for one tenant of it, and for small ones beside large ones.
//!
//! It only says who takes how much of what; what waits, and for how long, is in [`crate::api::http::room`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use super::{PLACE_WITHIN, busy};
use crate::api::http::room::Place;

/// 256 MiB of large bodies as they are sent: each takes what has come of it, or all that it announced.
const LARGE_KIB: usize = 256 * 1024;

/// 16 MiB of small ones. As events and rows they are up to sixteen times as large, so that what they take stays near
/// 256 MiB; single events take a KiB each, so that hundreds of connections have room.
const SMALL_KIB: usize = 16 * 1024;

/// One tenant has a quarter: its slow senders leave the others room.
const TENANTS_FILLING: usize = 4;

/// Some hundred events.
const SMALL_BYTES: u64 = 64 * 1024;

/// Small bodies do not wait behind large ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Small,
    Large,
}

impl Size {
    /// Of a body with so many bytes as sent; `None` where nobody said how many there will be. What is compressed can be large.
    pub fn of(encoding: Option<&str>, bytes: Option<u64>) -> Self {
        match (encoding, bytes) {
            (None, Some(bytes)) if bytes <= SMALL_BYTES => Self::Small,
            _ => Self::Large,
        }
    }
}

/// The rooms of all tenants.
pub(super) struct Rooms {
    large: Shared,
    small: Shared,
}

/// Room of a size: of all, and of each tenant that has a body there.
struct Shared {
    all: Arc<Semaphore>,
    kib_of_one: usize,
    tenants: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Rooms {
    /// `largest_bytes` is the limit of one body: it must fit into what one tenant has.
    pub fn new(largest_bytes: usize) -> Self {
        let largest_kib = largest_bytes.div_ceil(1024);
        Self { large: Shared::new(LARGE_KIB.max(largest_kib), largest_kib), small: Shared::new(SMALL_KIB, 0) }
    }

    /// For a body of a tenant; it holds nothing yet.
    pub fn place(&self, tenant: &str, size: Size) -> Place {
        let shared = match size {
            Size::Small => &self.small,
            Size::Large => &self.large,
        };
        // The tenant's own first: who waits for that keeps nothing of what is everybody's.
        Place::within(vec![shared.of_one(tenant), Arc::clone(&shared.all)], PLACE_WITHIN, busy)
    }
}

impl Shared {
    fn new(kib: usize, largest_kib: usize) -> Self {
        let kib_of_one = (kib / TENANTS_FILLING).max(largest_kib);
        Self { all: Arc::new(Semaphore::new(kib)), kib_of_one, tenants: Mutex::default() }
    }

    fn of_one(&self, tenant: &str) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = tenants.get(tenant).and_then(Weak::upgrade) {
            return room;
        }
        // Those that have no body here any more are forgotten.
        tenants.retain(|_, room| 0 < room.strong_count());
        let room = Arc::new(Semaphore::new(self.kib_of_one));
        tenants.insert(tenant.to_owned(), Arc::downgrade(&room));
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::http::body::Room;

    const EIGHT_MIB: usize = 8 << 20;

    /// Those of so many bodies of a tenant that get in, one after the other.
    async fn enter(rooms: &Rooms, tenant: &str, (size, bytes): (Size, usize), count: usize) -> Vec<Place> {
        let mut inside = Vec::new();
        for _ in 0..count {
            let mut place = rooms.place(tenant, size).expecting(bytes);
            if place.take(1).await.is_ok() {
                inside.push(place);
            }
        }
        inside
    }

    #[tokio::test(start_paused = true)]
    async fn one_tenant_with_many_slow_bodies_leaves_the_others_room() {
        let rooms = Rooms::new(EIGHT_MIB);
        let slow = enter(&rooms, "acme", (Size::Large, EIGHT_MIB), 40).await;
        assert_eq!(slow.len(), 8, "a quarter of 256 MiB");
        assert_eq!(enter(&rooms, "other", (Size::Large, EIGHT_MIB), 1).await.len(), 1);
        assert_eq!(enter(&rooms, "acme", (Size::Small, 300), 1).await.len(), 1, "large ones leave small ones room");
        drop(slow);
        assert_eq!(enter(&rooms, "acme", (Size::Large, EIGHT_MIB), 1).await.len(), 1);
        assert_eq!(rooms.large.tenants.lock().unwrap().len(), 1, "who has nothing here is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn small_bodies_are_weighed_and_single_events_all_get_in() {
        let rooms = Rooms::new(EIGHT_MIB);
        let single = enter(&rooms, "acme", (Size::Small, 300), 256).await;
        assert_eq!(single.len(), 256);
        drop(single);
        // 4 MiB of 16.
        let largest = (Size::Small, 64 * 1024);
        assert_eq!(enter(&rooms, "acme", largest, 70).await.len(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn the_largest_body_that_is_allowed_fits_into_what_a_tenant_has() {
        let (bytes, rooms) = (300 << 20, Rooms::new(300 << 20));
        assert_eq!(enter(&rooms, "acme", (Size::Large, bytes), 1).await.len(), 1);
    }

    #[test]
    fn only_what_is_plain_and_announced_to_be_small_is_small_before_it_is_there() {
        assert_eq!(Size::of(None, Some(64 * 1024)), Size::Small);
        for (encoding, bytes) in [(None, Some(64 * 1024 + 1)), (None, None), (Some("gzip"), Some(1))] {
            assert_eq!(Size::of(encoding, bytes), Size::Large, "{encoding:?} {bytes:?}");
        }
    }
}
