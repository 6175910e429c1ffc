//! What `/metrics` says of a store of several shards: every series, and of all shards together.

use axum::body::Body;
use axum::http::Request;
use rapport::auth::Role;
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use super::clustered;
use crate::world::event;

const TOKEN: &str = "a token for metrics that is long";

#[tokio::test]
async fn every_series_is_told_and_counts_all_shards() {
    let world = clustered("2026-03-20T00:00:00Z").await.exposed([], TOKEN);
    // The two lie on two shards; each chat is a thread that is still to be derived.
    for (tenant, chats) in [("acme", 3), ("other", 2)] {
        let service = world.token_of(tenant, Role::Service, None, &[]);
        let of_chat = |chat: i32| event("message.received", &chat.to_string(), "m", "2026-03-10T00:00:00Z", &json!({}));
        let body = Value::from((0..chats).map(of_chat).collect::<Vec<_>>()).to_string();
        let (status, receipt) = world.post_events(&service, None, body).await;
        assert_eq!((status.as_u16(), &receipt["accepted"]), (200, &json!(chats)), "{receipt}");
    }
    // A part of each shard that no answer has any more.
    world.store.execute(Sql::new("ALTER TABLE messages DETACH PARTITION ALL").of_everyone()).await.unwrap();
    let request = Request::get("/metrics").header("authorization", format!("Bearer {TOKEN}"));
    let (_, text) = world.send_for_text(request.body(Body::empty()).unwrap()).await;
    for line in [
        r#"rapport_engine_table_rows{table="events"} 5"#,
        r#"rapport_engine_detached_parts{table="messages",reason="detached"} 2"#,
        "rapport_derivation_stale 5",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line}\n{text}");
    }
    for series in [
        r#"rapport_engine_parts{table="events"} "#,
        r#"rapport_engine_table_bytes{table="events"} "#,
        "rapport_engine_rows_read_total ",
        "rapport_engine_rows_inserted_total ",
        "rapport_engine_rows_merged_total ",
    ] {
        assert!(text.contains(series), "{series}\n{text}");
    }
}
