//! Raw texts that tell of somebody who is erased: in whatever form, and however they come.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rapport::ingest::Ingest;
use rapport::ingest::erase::{Mode, Reach};
use rapport::store::StoreError;
use serde_json::json;
use tokio::sync::Notify;

use super::{erase, places, request};
use crate::engine::FixedClock;
use crate::hindered::{After, Call, Hindered, Hindrance, free};
use crate::webhooks::letters::{connection, post};
use crate::world::{TENANT, World};

/// The archive forgets by the engine's clock, which is nobody's to set: it is later than any today.
const NOW: &str = "2035-05-01T12:01:00Z";

/// A letter of a chat.
fn letter(chat: &str, text: &str) -> String {
    let letters = json!([{"kind": "letter", "id": chat, "at": 2_061_633_600, "chat": chat}]);
    // As the sender wrote it, escapes and all.
    format!(r#"{{"account": "post", "letters": {letters}, "text": "{text}"}}"#)
}

#[tokio::test]
async fn a_payload_that_escapes_the_name_is_recognised() {
    let world = World::at(NOW).await.connected([connection("post", TENANT, "post")]);
    let forms = [
        r"\u0418\u0432\u0430\u043d \u041f",
        r"\u0418\u0432\u0430\u043D \u041F",
        r"Иван П",
        r"we\/ call: \u0418\u0432\u0430\u043d \u041f.",
    ];
    for (number, form) in forms.iter().enumerate() {
        assert!(post(&world, "post", letter(&format!("escaped {number}"), form)).await.0.is_success());
    }
    assert!(post(&world, "post", letter("another", r"\u0418\u0432\u0430\u043d \u0420")).await.0.is_success());
    let erasure = erase(&world, "Иван П", Reach::Contact, Mode::Erase).await;
    let rows = |table: &str| erasure.removed.iter().find(|removed| removed.table == table).unwrap().rows;
    assert_eq!((rows("raw_payloads"), rows("events")), (4, 0), "{erasure}");
}

#[tokio::test]
async fn a_payload_that_is_being_taken_in_is_erased_with_its_archive() {
    let world = World::at(NOW).await;
    let known = json!({"id": "known", "kind": "message.received", "at": "2035-05-01T09:00:00Z", "channel": "LETTERS",
        "account": "post", "chat": "zq6chat", "message": "known", "contact": "zq6contact"});
    world.take(&[known]).await;
    world.ingest.finish().await.unwrap();
    let slowness = Arc::new(Slow { arrived: Notify::new(), go_on: Notify::new() });
    let store = Hindered::new(world.store.clone(), slowness.clone());
    let slow = Ingest::new(store, Arc::new(FixedClock(world.now)));
    let world = world.with(slow.clone()).connected([connection("post", TENANT, "post")]);
    let erasing = async {
        // The payload's event is stored, its archive is not.
        slowness.arrived.notified().await;
        let erasing = slow.erase(request(TENANT, "zq6contact", Reach::Contact, Mode::Erase));
        let mut erasing = std::pin::pin!(erasing);
        // It could be done by then, if it waited for nobody.
        let early = tokio::time::timeout(Duration::from_secs(3), &mut erasing).await;
        slowness.go_on.notify_one();
        match early {
            Ok(done) => done,
            Err(_) => erasing.await,
        }
    };
    let ((status, _), erased) = tokio::join!(post(&world, "post", letter("zq6chat", "")), erasing);
    assert!(status.is_success());
    assert!(erased.unwrap().rows() > 2);
    assert_eq!(places(&world, "zq6chat").await.len(), 0);
}

/// Does not archive before it is told to.
struct Slow {
    arrived: Notify,
    go_on: Notify,
}

impl Hindrance for Slow {
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>> {
        if !matches!(call, Call::Insert("raw_payloads", _)) {
            return free();
        }
        Box::pin(async move {
            self.arrived.notify_one();
            self.go_on.notified().await;
            free().await
        })
    }
}
