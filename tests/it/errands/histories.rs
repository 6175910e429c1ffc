//! Histories are read page by page, each page once, over restarts too.

use std::sync::Arc;

use rapport::ingest::connection::Connection;
use serde_json::{Value, json};

use super::fake_crm::{Asked, FakeCrm, Reply};
use super::{House, connection};

const MINUTE: i64 = 60_000;

fn account(crm: &FakeCrm) -> Arc<Connection> {
    let options = json!({"api_url": crm.url, "api_key": "a-key-of-tests", "time_zone": "UTC", "currency": "EUR"});
    connection("retailcrm", &options)
}

/// The platform's side of `sinceId`, with pages of two: orders 1 to `count` are made, one a record.
fn shop(count: u64) -> impl Fn(&Asked) -> Reply + Send + Sync {
    move |asked: &Asked| {
        assert_eq!((asked.method.as_str(), asked.key.as_str()), ("GET", "a-key-of-tests"));
        let since =
            asked.path_and_query.split_once("sinceId%5D=").map_or(0, |(_, since)| since.parse::<u64>().unwrap());
        if asked.path_and_query.starts_with("/api/v5/customers/history?limit=100") {
            return Reply::Json(page(&[], 0));
        }
        assert!(asked.path_and_query.starts_with("/api/v5/orders/history?limit=100"), "{asked:?}");
        let left: Vec<u64> = (since + 1..=count).collect();
        let records: Vec<Value> = left.iter().take(2).map(|id| order(*id)).collect();
        Reply::Json(page(&records, left.len().div_ceil(2)))
    }
}

fn page(records: &[Value], pages: usize) -> String {
    let pagination = json!({"limit": 100, "currentPage": 1, "totalPageCount": pages});
    json!({"success": true, "history": records, "pagination": pagination}).to_string()
}

fn order(id: u64) -> Value {
    json!({"id": id, "createdAt": "2035-03-01 10:00:00", "created": true, "source": "api",
        "order": {"id": id, "status": "complete", "totalSumm": 10, "customer": {"id": 7, "type": "customer"}}})
}

fn of_orders(paths: &[String]) -> Vec<String> {
    let orders = "/api/v5/orders/history?limit=100";
    paths
        .iter()
        .filter_map(|path| path.strip_prefix(orders))
        .map(|rest| rest.replace("&filter%5BsinceId%5D=", ""))
        .collect()
}

#[tokio::test]
async fn all_pages_are_read_and_then_only_what_is_new() {
    let (house, crm) = (House::new().await, FakeCrm::start(shop(5)).await);
    let account = account(&crm);
    let mut runner = house.runner(&account).unwrap();
    house.step_until_it_waits(&mut runner, 1_000).await;
    assert_eq!(of_orders(&crm.take_paths()), ["", "2", "4"]);
    assert_eq!(house.links().await.lines().count(), 5);
    assert_eq!(house.archived().await, "payloads: 3 accepted: 10 troubled: 0");
    // An empty page is not kept, and tells that asking works, also on a day on which nothing is new.
    let state = || account.health.counts().state(house.now()).name();
    house.turn_by(2 * 86_400_000);
    assert_eq!((account.health.counts().received, state()), (3, "QUIET"));
    house.step_until_it_waits(&mut runner, 1_000).await;
    assert_eq!(of_orders(&crm.take_paths()), ["5"]);
    assert_eq!((account.health.counts().received, state()), (3, "RECEIVING"));
    assert_eq!(house.archived().await, "payloads: 3 accepted: 10 troubled: 0");
}

#[tokio::test]
async fn after_a_restart_it_goes_on_where_it_was() {
    let (house, crm) = (House::new().await, FakeCrm::start(shop(3)).await);
    house.step_until_it_waits(&mut house.runner(&account(&crm)).unwrap(), 1_000).await;
    assert_eq!(of_orders(&crm.take_paths()), ["", "2"]);
    let house = House::over(house.store.clone(), house.now());
    house.step_until_it_waits(&mut house.runner(&account(&crm)).unwrap(), 1_000).await;
    assert_eq!(of_orders(&crm.take_paths()), ["3"]);
    // Another account is another history.
    let other = FakeCrm::start(shop(1)).await;
    house.step_until_it_waits(&mut house.runner(&account(&other)).unwrap(), 1_000).await;
    assert_eq!(of_orders(&other.take_paths()), [""]);
}

#[tokio::test]
async fn a_page_that_was_stored_and_not_noted_is_read_again_without_harm() {
    let (house, crm) = (House::new().await, FakeCrm::start(shop(2)).await);
    let account = account(&crm);
    // As a crash leaves it: the page is in, its position is not.
    let answer: Value = serde_json::from_str(&page(&[order(1), order(2)], 1)).unwrap();
    let body = json!({"rapport": "retailcrm", "method": "orders/history", "id": "0", "asked_at": 0, "answer": answer});
    let received = house.receive(&account, "application/json", &body.to_string()).await;
    // Two links and two conversions.
    assert_eq!(received.receipt.accepted, 4);
    house.step_until_it_waits(&mut house.runner(&account).unwrap(), 1_000).await;
    assert_eq!(of_orders(&crm.take_paths()), [""]);
    assert_eq!(house.links().await.lines().count(), 2);
}

#[tokio::test]
async fn a_page_that_cannot_be_had_is_asked_for_again_at_the_same_place() {
    let (house, crm) = (House::new().await, FakeCrm::start(shop(4)).await);
    let account = account(&crm);
    let mut runner = house.runner(&account).unwrap();
    // No customers; then a page of orders.
    assert_eq!((house.step(&mut runner).await, house.step(&mut runner).await), (200, 200));
    assert_eq!(of_orders(&crm.take_paths()), [""]);
    for (reply, wait) in [
        (Reply::With(503, ("retry-after", "30".to_owned())), 30_000),
        (Reply::Status(500, ""), 10_000),
        (Reply::Json(r#"{"success":false,"errorMsg":"API access denied"}"#.to_owned()), 20_000),
        (Reply::Json(r#"{"success":true,"history":[{"id":1}]}"#.to_owned()), 40_000),
        (Reply::Json(r#"{"success":true,"history":"#.to_owned()), 80_000),
    ] {
        crm.answer_next(reply.clone());
        assert_eq!(house.step(&mut runner).await, wait, "{reply:?}");
        assert_eq!(crm.take_asked().len(), 1);
    }
    house.step_until_it_waits(&mut runner, 1_000).await;
    assert_eq!(of_orders(&crm.take_paths()), ["2"]);
    assert_eq!(house.links().await.lines().count(), 4);
}

#[tokio::test]
async fn a_history_that_is_refused_does_not_keep_the_other_from_being_read() {
    let orders = shop(2);
    let refusing = move |asked: &Asked| match asked.path_and_query.contains("customers") {
        true => Reply::Status(403, "no right"),
        false => orders(asked),
    };
    let (house, crm) = (House::new().await, FakeCrm::start(refusing).await);
    let mut runner = house.runner(&account(&crm)).unwrap();
    for _ in 0..4 {
        house.step(&mut runner).await;
    }
    assert_eq!(of_orders(&crm.take_paths()), [""], "the orders were read once, whatever became of the customers");
    assert_eq!(house.links().await.lines().count(), 2);
}

#[tokio::test]
async fn records_that_cannot_be_read_do_not_stop_the_history() {
    let (house, crm) = (House::new().await, FakeCrm::start(shop(0)).await);
    let account = account(&crm);
    let mut runner = house.runner(&account).unwrap();
    house.step(&mut runner).await;
    crm.answer_next(Reply::Json(page(&[json!({"id": 8}), order(9), json!("x")], 1)));
    house.step_until_it_waits(&mut runner, 1_000).await;
    assert_eq!(house.links().await, "retailcrm:garden:contact:7 = retailcrm:garden:deal:9\n");
    assert_eq!(house.archived().await, "payloads: 1 accepted: 2 troubled: 1");
    house.turn_by(MINUTE);
    crm.take_asked();
    house.step_until_it_waits(&mut runner, 1_000).await;
    assert_eq!(of_orders(&crm.take_paths()), ["9"]);
}
