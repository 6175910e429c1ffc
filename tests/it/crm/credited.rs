//! A sale of each CRM is credited to the right dialog: with a late link, a merge, a refund and a buyer who never wrote.
//!
//! One story and one row of numbers for all CRMs; how each of them tells it is in the modules below.

mod asked;
mod floor;
mod pushed;

use serde_json::{Value, json};

use self::asked::{Bitrix24, RetailCrmHistory};
use self::floor::Floor;
use self::pushed::{AmoCrm, HubSpot, RetailCrmTrigger};

/// Writes by WhatsApp, and is the contact 301 with this number.
const ANNA: &str = "4915100000301";
/// Writes by Telegram under this id; is the contact 302, which nobody knows before the number is shared.
const BORIS: (u64, &str) = (7_002, "4915100000302");
/// Writes by Telegram; no CRM knows of it.
const CARL: u64 = 7_003;
/// Anna again, by Telegram and another number: contact 304 until somebody sees that the two are one.
const DORA: (u64, &str) = (7_004, "4915100000304");
/// The contact 303, who never wrote.
const EMIL: &str = "4915100000303";

/// What a CRM comes to know. Days are of May 2035.
#[derive(Clone, Copy, Debug)]
enum Said {
    /// A contact has this number.
    Person { contact: u32, phone: &'static str, at: &'static str },
    /// A deal of a contact was won.
    Won { deal: u32, contact: u32, amount: u32, at: &'static str },
    /// It was no sale after all: lost, opened again, cancelled.
    TakenBack { deal: u32, contact: u32, amount: u32, at: &'static str },
    /// Two contacts were one: `into` has both numbers now.
    Merged { gone: u32, into: u32, phones: [&'static str; 2], at: &'static str },
    /// A deal has another contact beside or after its first one.
    Shared { deal: u32, first: u32, contact: u32, at: &'static str },
}

/// A CRM that tells things in its own words, through its own way in.
trait Crm {
    async fn open() -> Self;

    fn platform(&self) -> &'static str;

    fn options(&self) -> Value;

    async fn tell(&mut self, floor: &Floor, said: Said);
}

/// Of each of the four dialogs what it was credited with; then of all: converted, dialogs, value, `identityCoverage`.
async fn expect(floor: &Floor, when: &str, credited: [Option<&str>; 4], total: Value) {
    let names = [
        format!("whatsapp:{ANNA}"),
        format!("telegram:{}", BORIS.0),
        format!("telegram:{CARL}"),
        format!("telegram:{}", DORA.0),
    ];
    let contacts = names.each_ref().map(String::as_str);
    let of_each = credited.map(|value| json!([u8::from(value.is_some()), 1, value]));
    assert_eq!(floor.credited(contacts).await, of_each, "{when}");
    assert_eq!(floor.conversion().await, total, "{when}");
}

async fn tell_the_story<C: Crm>() {
    let mut crm = C::open().await;
    let mut floor = Floor::with(crm.platform(), crm.options()).await;
    floor.whatsapp(ANNA, "10T10:00:00").await;
    floor.telegram(BORIS.0, None, "10T11:00:00").await;
    floor.telegram(CARL, None, "10T12:00:00").await;
    floor.telegram(DORA.0, Some(DORA.1), "10T15:00:00").await;
    // No contact was ever linked: all four have one, and 4/4 are known.
    expect(&floor, "before the CRM", [None; 4], json!([0, 4, null, 1.0])).await;

    for (contact, phone) in [(301, ANNA), (302, BORIS.1), (303, EMIL), (304, DORA.1)] {
        crm.tell(&floor, Said::Person { contact, phone, at: "10T16:00:00" }).await;
        floor.turn();
    }
    // Anna by her number, Dora by the one that she shared: 2/4. Of Boris the CRM knows a number that Telegram does not.
    expect(&floor, "contacts", [None; 4], json!([0, 4, null, 0.5])).await;

    crm.tell(&floor, Said::Won { deal: 71, contact: 302, amount: 90, at: "11T09:00:00" }).await;
    crm.tell(&floor, Said::Won { deal: 72, contact: 301, amount: 40, at: "11T10:00:00" }).await;
    crm.tell(&floor, Said::Won { deal: 73, contact: 303, amount: 500, at: "11T11:00:00" }).await;
    // 72 is Anna's: 40 from one of four. 71 finds no dialog yet; 73 never will, and makes no dialog known.
    expect(&floor, "sales", [Some("40"), None, None, None], json!([1, 4, "40", 0.5])).await;

    // Two days later Boris shares his number: what he wrote on the 10th led to 71. That message begins a cycle of its own,
    // which is not of that day and comes after the sale. 90 + 40 from two of four; 3/4 are known, Carl is not.
    floor.telegram(BORIS.0, Some(BORIS.1), "12T09:00:00").await;
    let both = json!([2, 4, "130", 0.75]);
    expect(&floor, "a late link", [Some("40"), Some("90"), None, None], both.clone()).await;

    // Anna's 72 has two dialogs before it now: of 10:00 by WhatsApp and of 15:00 by Telegram. The last one gets the credit.
    floor.turn();
    crm.tell(&floor, Said::Merged { gone: 304, into: 301, phones: [ANNA, DORA.1], at: "12T10:00:00" }).await;
    let after_merge = [None, Some("90"), None, Some("40")];
    expect(&floor, "a merge", after_merge, both.clone()).await;
    // The first one by the other rule: Anna's 40 and Boris' 90.
    assert_eq!(floor.first_touch().await, json!([["TELEGRAM", 1, "90"], ["WHATSAPP", 1, "40"]]));

    // If 71 made one person of Boris and Anna, Dora's dialog of 15:00 would take it from his of 11:00.
    floor.turn();
    crm.tell(&floor, Said::Shared { deal: 71, first: 302, contact: 301, at: "12T11:00:00" }).await;
    expect(&floor, "a second contact", after_merge, both).await;

    // Inside the week after Boris' first message: nothing of 71 is left. 130 - 90 from one of four.
    floor.turn();
    crm.tell(&floor, Said::TakenBack { deal: 71, contact: 302, amount: 90, at: "13T09:00:00" }).await;
    expect(&floor, "a refund", [None, None, None, Some("40")], json!([1, 4, "40", 0.75])).await;
    floor.is_in_order().await;
}

#[tokio::test]
async fn amocrm_is_credited_to_the_right_dialog() {
    tell_the_story::<AmoCrm>().await;
}

#[tokio::test]
async fn bitrix24_is_credited_to_the_right_dialog() {
    tell_the_story::<Bitrix24>().await;
}

#[tokio::test]
async fn hubspot_is_credited_to_the_right_dialog() {
    tell_the_story::<HubSpot>().await;
}

#[tokio::test]
async fn retailcrm_by_its_histories_is_credited_to_the_right_dialog() {
    tell_the_story::<RetailCrmHistory>().await;
}

#[tokio::test]
async fn retailcrm_by_its_triggers_is_credited_to_the_right_dialog() {
    tell_the_story::<RetailCrmTrigger>().await;
}
