//! What is derived bit by bit is what would be derived at once.

use proptest::prop_assert_eq;
use rapport::ingest::derive::{Derivation, Stretch};

use super::events::{arrivals, history};
use super::{local, runner, runtime, schedule, world_of};
use crate::derivation::derived_rows;
use crate::world::{TENANT, World};

#[test]
fn it_does_not_matter_when_rows_are_derived() {
    let runtime = runtime();
    let result = runner(6).run(&history(), |history| {
        runtime.block_on(async {
            let at_once = world_of(&history).await;
            at_once.ingest.derivation().catch_up(TENANT).await.unwrap();
            let bit_by_bit = World::at(&local::written(history.now)).await;
            if let Some(schedule) = &history.schedule {
                schedule::tell(&bit_by_bit, schedule).await;
            }
            // Runs of one or two chats or links.
            let stretch = Stretch { threads_max: 2, messages_max: 10, links_max: 2 };
            let derivation = Derivation::in_stretches(bit_by_bit.store.clone(), stretch);
            for body in arrivals(&history) {
                bit_by_bit.take(&body).await;
                bit_by_bit.ingest.finish().await.unwrap();
                derivation.catch_up(TENANT).await.unwrap();
            }
            prop_assert_eq!(derived_rows(&bit_by_bit).await, derived_rows(&at_once).await);
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
