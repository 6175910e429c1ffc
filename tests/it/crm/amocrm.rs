//! amoCRM from its forms to a report.

use super::{Desk, worth};
use crate::world::instant;

/// A lead as its webhook tells it.
async fn tell(desk: &Desk, action: &str, status: &str, price: &str, changed: &str, arrives: &str) -> u64 {
    let seconds = instant(&format!("2026-03-{changed}Z")) / 1_000;
    let lead = format!("leads%5B{action}%5D%5B0%5D");
    let body = format!(
        "{lead}%5Bid%5D=5501&{lead}%5Bstatus_id%5D={status}&{lead}%5Bprice%5D={price}&{lead}%5Bupdated_at%5D={seconds}\
         &account%5Bid%5D=31415926&account%5Bsubdomain%5D=acme"
    );
    let received = desk.deliver("application/x-www-form-urlencoded", &body, &format!("2026-03-{arrives}Z")).await;
    assert_eq!((received.receipt.rejected_total, received.unreadable), (0, None));
    received.receipt.accepted
}

#[tokio::test]
async fn a_sale_is_counted_changed_and_taken_back() {
    let desk = Desk::of("amocrm").await;
    desk.dialog_of("amocrm:31415926:deal:5501").await;
    let none = worth(0, None, None);
    assert_eq!(tell(&desk, "add", "58840350", "30000", "10T10:30:00", "10T10:30:01").await, 0);
    assert_eq!(desk.converted().await, none);
    // Told by two webhooks, as amoCRM does.
    assert_eq!(tell(&desk, "status", "142", "30000", "11T09:00:00", "11T09:00:02").await, 1);
    assert_eq!(tell(&desk, "update", "142", "30000", "11T09:00:00", "11T09:00:02").await, 0);
    assert_eq!(desk.converted().await, worth(1, Some("30000"), Some("RUB")));
    // The budget changes afterwards, and the webhook comes twice.
    assert_eq!(tell(&desk, "update", "142", "28500", "12T09:00:00", "12T09:00:02").await, 2);
    assert_eq!(tell(&desk, "update", "142", "28500", "12T09:00:00", "12T09:05:02").await, 0);
    assert_eq!(desk.converted().await, worth(1, Some("28500"), Some("RUB")));
    // A refund: the lead is moved to "lost".
    assert_eq!(tell(&desk, "status", "143", "28500", "13T09:00:00", "13T09:00:02").await, 1);
    assert_eq!(desk.converted().await, none);
    // What was told before it, late: it was still won the day before.
    assert_eq!(tell(&desk, "update", "142", "28500", "12T20:00:00", "14T09:00:00").await, 0);
    assert_eq!(desk.converted().await, none);
}

#[tokio::test]
async fn a_lead_that_is_deleted_takes_its_sale_back() {
    let desk = Desk::of("amocrm").await;
    desk.dialog_of("amocrm:31415926:deal:5501").await;
    assert_eq!(tell(&desk, "status", "142", "100", "11T09:00:00", "11T09:00:02").await, 1);
    let body = "leads[delete][0][id]=5501&leads[delete][0][status_id]=142&account[id]=31415926";
    desk.deliver("application/x-www-form-urlencoded", body, "2026-03-12T00:00:00Z").await;
    assert_eq!(desk.converted().await, worth(0, None, None));
}

#[tokio::test]
async fn a_lead_that_is_added_and_won_in_one_second_is_a_sale() {
    let desk = Desk::of("amocrm").await;
    desk.dialog_of("amocrm:31415926:deal:5501").await;
    tell(&desk, "status", "142", "1000", "11T09:00:00", "11T09:00:01").await;
    // The webhook that was sent first comes last.
    tell(&desk, "add", "58840350", "900", "11T09:00:00", "11T09:00:02").await;
    assert_eq!(desk.converted().await, worth(1, Some("1000"), Some("RUB")));
}

#[tokio::test]
async fn an_old_sale_that_is_only_touched_is_no_sale_of_today() {
    let desk = Desk::of("amocrm").await;
    desk.dialog_of("amocrm:31415926:deal:5501").await;
    assert_eq!(tell(&desk, "responsible", "142", "100", "11T09:00:00", "11T09:00:01").await, 0);
    assert_eq!(tell(&desk, "update", "142", "200", "12T09:00:00", "12T09:00:01").await, 0);
    assert_eq!(desk.converted().await, worth(0, None, None));
    // Opened again and won again by a change of which only the update is told.
    assert_eq!(tell(&desk, "update", "58840350", "200", "13T09:00:00", "13T09:00:01").await, 0);
    assert_eq!(tell(&desk, "update", "142", "200", "14T09:00:00", "14T09:00:01").await, 1);
    assert_eq!(desk.converted().await, worth(1, Some("200"), Some("RUB")));
}

#[tokio::test]
async fn a_contact_is_joined_to_its_numbers_and_deals() {
    let desk = Desk::of("amocrm").await;
    let contact = "contacts[add][0]";
    let body = format!(
        "{contact}[id]=9001&{contact}[updated_at]=1773133200&{contact}[linked_leads_id][5501][ID]=5501\
         &{contact}[custom_fields][0][code]=PHONE&{contact}[custom_fields][0][values][0][value]=8 912 345-67-89\
         &account[id]=31415926"
    );
    for arrives in ["2026-03-10T09:00:01Z", "2026-03-10T09:00:30Z"] {
        desk.deliver("application/x-www-form-urlencoded", &body, arrives).await;
    }
    let expect = "contact: amocrm:31415926:contact:9001\nnames: amocrm:31415926:deal:5501 phone:+79123456789";
    assert_eq!(desk.links().await.trim(), expect);
}
