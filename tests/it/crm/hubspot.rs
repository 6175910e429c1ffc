//! HubSpot from its pieces to a report.

use rapport::store::{Sharing, Store};
use serde_json::{Value, json};

use super::{Desk, worth};
use crate::world::instant;

fn change(at: &str, name: &str, value: &str) -> Value {
    json!({"portalId": 8812, "subscriptionType": "deal.propertyChange", "objectId": 7, "propertyName": name,
        "propertyValue": value, "occurredAt": instant(&format!("2026-03-{at}Z"))})
}

async fn tell(desk: &Desk, events: &[Value]) -> u64 {
    let body = Value::from(events.to_vec()).to_string();
    let received = desk.deliver("application/json", &body, "2026-03-20T00:00:00Z").await;
    assert_eq!((received.receipt.rejected_total, received.unreadable), (0, None));
    received.receipt.accepted
}

#[tokio::test]
pub async fn a_sale_told_in_pieces_and_in_no_order_is_one_sale() {
    let desk = Desk::of("hubspot").await;
    desk.dialog_of("hubspot:8812:deal:7").await;
    let none = worth(0, None, None);
    let mut pieces = [
        change("11T09:00:00", "amount", "1250.50"),
        change("11T09:00:00", "deal_currency_code", "USD"),
        change("11T09:00:01", "dealstage", "closedwon"),
        change("10T11:00:00", "dealstage", "appointmentscheduled"),
        change("10T11:00:00", "amount", "900"),
    ];
    pieces.reverse();
    assert_eq!(tell(&desk, &pieces[..2]).await, 0);
    assert_eq!(desk.converted().await, none);
    assert_eq!(tell(&desk, &pieces[2..]).await, 1);
    assert_eq!(desk.converted().await, worth(1, Some("1250.5"), Some("USD")));
    // Told again with another attempt, and the other way round.
    pieces.reverse();
    assert_eq!(tell(&desk, &pieces).await, 0);
    // An amount that was told before the sale and comes after it changes nothing.
    assert_eq!(tell(&desk, &[change("11T08:00:00", "amount", "1000")]).await, 0);
    assert_eq!(desk.converted().await, worth(1, Some("1250.5"), Some("USD")));
    // Opened again and won again: the first time ends, the second begins.
    let again = [change("12T10:00:00", "dealstage", "closedwon"), change("12T09:00:00", "dealstage", "contractsent")];
    assert_eq!(tell(&desk, &again).await, 2);
    assert_eq!(desk.converted().await, worth(1, Some("1250.5"), Some("USD")));
    assert_eq!(tell(&desk, &[change("13T10:00:00", "dealstage", "closedlost")]).await, 1);
    assert_eq!(desk.converted().await, none);
    // Each sale and its reversal has an order of its own; where processes share the store, none is just the deal's
    // name.
    let orders = match Store::sharing(desk.world.store.as_ref()) {
        Sharing::Own => ("order_id: hubspot:8812:deal:7~2", 2),
        Sharing::Shared { .. } => ("order_id: hubspot:8812:deal:7~", 4),
    };
    assert_eq!(desk.stored().await.matches(orders.0).count(), orders.1);
}

#[tokio::test]
async fn a_sale_whose_worth_cannot_be_read_is_a_sale() {
    let desk = Desk::of("hubspot").await;
    desk.dialog_of("hubspot:8812:deal:7").await;
    let pieces = [change("11T09:00:00", "dealstage", "closedwon"), change("11T09:00:00", "amount", "about 5")];
    assert_eq!(tell(&desk, &pieces).await, 1);
    assert_eq!(desk.converted().await, worth(1, None, None));
    assert_eq!(tell(&desk, &[change("11T10:00:00", "amount", "5")]).await, 2);
    assert_eq!(desk.converted().await, worth(1, Some("5"), Some("EUR")));
}

#[tokio::test]
async fn a_contact_is_joined_to_its_deal_once() {
    let desk = Desk::of("hubspot").await;
    let at = instant("2026-03-11T09:00:00Z");
    let events = [
        json!({"portalId": 8812, "subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_CONTACT",
            "fromObjectId": 7, "toObjectId": 301, "associationRemoved": false, "occurredAt": at}),
        json!({"portalId": 8812, "subscriptionType": "contact.associationChange", "associationType": "CONTACT_TO_DEAL",
            "fromObjectId": 301, "toObjectId": 7, "associationRemoved": false, "occurredAt": at}),
        json!({"portalId": 8812, "subscriptionType": "contact.propertyChange", "objectId": 301, "occurredAt": at,
            "propertyName": "phone", "propertyValue": "+49 151 12345678"}),
    ];
    assert_eq!(tell(&desk, &events).await, 2);
    let expect = "contact: hubspot:8812:contact:301\nnames: hubspot:8812:deal:7\n\n\
                  contact: hubspot:8812:contact:301\nnames: phone:+4915112345678";
    assert_eq!(desk.links().await.trim(), expect);
}
