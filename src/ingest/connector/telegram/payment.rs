//! Payments: Telegram's own note in the chat that a client paid, or got its money back.

use serde_json::{Map, Value};

use super::{Dialog, Telegram, date};
use crate::ingest::connector::json;
use crate::model::event::{Conversion, Event, Kind, Scalar};

/// Currencies without a minor unit, by Telegram's list (`core.telegram.org/bots/payments/currencies.json`); XTR are Stars.
const WHOLE: [&str; 8] = ["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XTR"];

/// Currencies with hundredths, by the same list.
const HUNDREDTHS: [&str; 79] = [
    "AED", "AFN", "ALL", "AMD", "ARS", "AUD", "AZN", "BAM", "BDT", "BGN", "BND", "BOB", "BRL", "BYN", "CAD", "CHF",
    "CNY", "COP", "CRC", "CZK", "DKK", "DOP", "DZD", "EGP", "ETB", "EUR", "GBP", "GEL", "GTQ", "HKD", "HNL", "HRK",
    "HUF", "IDR", "ILS", "INR", "JMD", "KES", "KGS", "KZT", "LBP", "LKR", "MAD", "MDL", "MNT", "MUR", "MVR", "MXN",
    "MYR", "MZN", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB",
    "SAR", "SEK", "SGD", "THB", "TJS", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "YER", "ZAR",
];

/// The purchase, or its reversal, that a message notes; `None` for any other message.
pub fn read(bot: &Telegram, dialog: &Dialog, id: &str, message: &Value) -> Option<Event> {
    let (kind, payment) = match (message.get("successful_payment"), message.get("refunded_payment")) {
        (Some(payment), _) if payment.is_object() => (Kind::ConversionRecorded, payment),
        (_, Some(payment)) if payment.is_object() => (Kind::ConversionReverted, payment),
        _ => return None,
    };
    let mut event = bot.event(kind, &[&dialog.chat, id]);
    dialog.put_on(&mut event);
    event.message = Some(Scalar::Text(id.to_owned()));
    event.at = date(message, "/date");
    let currency = json::text(payment, "/currency");
    let amount = json::number(payment, "/total_amount");
    let value = currency.as_deref().zip(amount).and_then(|(currency, amount)| in_units(currency, amount));
    if value.is_none() {
        // A wrong factor would be worse than no value: what was told is kept for people to see.
        event.attributes = Some(as_told(payment));
    }
    event.conversion = Some(Conversion {
        action: Some("purchase".into()),
        currency: value.as_ref().and(currency).map(Scalar::Text),
        value: value.map(Scalar::Text),
        // The refund carries the same.
        order: json::scalar(payment, "/telegram_payment_charge_id"),
    });
    Some(event)
}

/// An amount in the currency's smallest units as decimal text; `None` where its units are not known here.
fn in_units(currency: &str, amount: i64) -> Option<String> {
    if amount < 0 {
        return None;
    }
    if WHOLE.contains(&currency) {
        return Some(amount.to_string());
    }
    HUNDREDTHS.contains(&currency).then(|| format!("{}.{:02}", amount / 100, amount % 100))
}

fn as_told(payment: &Value) -> Map<String, Value> {
    let fields = ["currency", "total_amount"];
    fields.iter().filter_map(|field| Some(((*field).to_owned(), payment.get(field)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_told_in_units_of_its_currency() {
        assert_eq!(in_units("RUB", 129_900).as_deref(), Some("1299.00"));
        assert_eq!(in_units("USD", 5).as_deref(), Some("0.05"));
        assert_eq!(in_units("JPY", 1_500).as_deref(), Some("1500"));
        assert_eq!(in_units("XTR", 250).as_deref(), Some("250"));
        assert_eq!(in_units("KWD", 1_500), None);
        assert_eq!(in_units("rub", 1), None);
        assert_eq!(in_units("EUR", -1), None);
    }
}
