//! How an account's API is asked for its histories.

use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::ingest::connector::errands::{Ask, Errand, Errands, Place, Rest, Verdict, document};
use crate::ingest::connector::json::{is_true, list, number};
use crate::ingest::connector::options::{Hidden, OptionError, Options};
use crate::model::clock::{DAY_SECONDS, Millis};
use crate::outbound::{Address, Answer, Question};

pub(super) const ORDERS: &str = "orders/history";
pub(super) const CUSTOMERS: &str = "customers/history";

/// Records of a page; the platform gives 20, 50 or 100.
const PAGE_RECORDS: usize = 100;

/// Five questions a second: half of what an account lets through, so that others can ask too.
const PACE: Millis = 200;

const POLL_SECONDS: i64 = 60;

/// A day: whoever needs less needs no connection.
const POLL_SECONDS_MAX: i64 = DAY_SECONDS;

/// The API of an account.
#[derive(Debug)]
pub(super) struct Api {
    place: Place,
    /// Without a `/` at its end.
    path: String,
    key: Hidden,
}

impl Api {
    /// Takes the options `api_url`, `api_key`, `ca_file` and `poll_seconds`.
    ///
    /// # Errors
    /// When one is not what it should be, or the address comes without the key.
    pub fn from_options(options: &mut Options) -> Result<Option<Self>, OptionError> {
        let url = options.text_if_given("api_url")?;
        let key = options.secret_if_given("api_key")?;
        let ca_file = options.text_if_given("ca_file")?.map(Into::into);
        let poll_seconds = options.text_if_given("poll_seconds")?;
        let (url, key) = match (url, key) {
            (Some(url), Some(key)) => (url, key),
            (Some(_), None) => return Err(OptionError::Missing { name: "api_key" }),
            (None, None) if ca_file.is_none() && poll_seconds.is_none() => return Ok(None),
            (None, _) => return Err(OptionError::Missing { name: "api_url" }),
        };
        let invalid = |name, reason: String| OptionError::Invalid { name, reason };
        let address = Address::parse(&url).map_err(|error| invalid("api_url", error.to_string()))?;
        let path = address.path_and_query().trim_end_matches('/').to_owned();
        if path.contains('?') || path.ends_with("/api") || path.contains("/api/") {
            return Err(invalid(
                "api_url",
                "give the account's address alone, such as https://example.simla.com".to_owned(),
            ));
        }
        if HeaderValue::from_str(key.reveal()).is_err() {
            return Err(invalid("api_key", "it has characters that no key has".to_owned()));
        }
        let seconds = poll_seconds.map_or(Some(POLL_SECONDS), |text| text.parse().ok());
        let seconds = seconds.filter(|seconds| (1..=POLL_SECONDS_MAX).contains(seconds));
        let expected = "a whole number of seconds, from 1 to 86400";
        let seconds = seconds.ok_or(OptionError::WrongType { name: "poll_seconds", expected })?;
        let place = Place { address: address.origin(), ca_file, pace: PACE, every: seconds * 1_000 };
        Ok(Some(Self { place, path, key }))
    }
}

impl Errands for Api {
    fn place(&self) -> &Place {
        &self.place
    }

    /// Customers first: an order then finds its people.
    fn histories(&self) -> &'static [&'static str] {
        &[CUSTOMERS, ORDERS]
    }

    fn ask(&self, errand: &Errand) -> Option<Ask> {
        let Errand::Page { history, after } = errand else { return None };
        // The first question has no position: the platform begins at the first record that it has.
        let since = after.map_or(String::new(), |after| format!("&filter%5BsinceId%5D={after}"));
        let path = format!("{}/api/v5/{history}?limit={PAGE_RECORDS}{since}", self.path);
        let mut key = HeaderValue::from_str(self.key.reveal()).ok()?;
        key.set_sensitive(true);
        let question = Question::get(path).with(HeaderName::from_static("x-api-key"), key);
        Some(Ask { method: history, id: after.unwrap_or_default().to_string(), question })
    }

    fn judge(&self, errand: &Errand, answer: &Answer) -> Verdict {
        let after = match errand {
            Errand::Page { after, .. } => after.unwrap_or_default(),
            Errand::LookUp { .. } => 0,
        };
        match document(answer) {
            Ok(page) => judge_page(after, &page).unwrap_or_else(|reason| Verdict::Later { reason: reason.to_owned() }),
            Err(reason) => Verdict::Later { reason },
        }
    }
}

fn judge_page(after: u64, page: &Value) -> Result<Verdict, &'static str> {
    if !is_true(page, "/success") {
        return Err("the account refuses the question");
    }
    if !page.get("history").is_some_and(Value::is_array) {
        return Err("the answer has no history");
    }
    let records = list(page, "/history");
    if records.is_empty() {
        return Ok(Verdict::Nothing);
    }
    let ids = records.iter().filter_map(|record| u64::try_from(number(record, "/id")?).ok());
    // Else it would be read again and again.
    let position =
        ids.max().filter(|last| after < *last).ok_or("no record of the page is newer than the last one read")?;
    let is_more = match number(page, "/pagination/totalPageCount") {
        Some(pages) => 1 < pages,
        None => PAGE_RECORDS <= records.len(),
    };
    Ok(Verdict::Page { position, rest: if is_more { Rest::More } else { Rest::CaughtUp } })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(after: u64, page: &Value, expected: &Verdict) {
        assert_eq!(judge_page(after, page).as_ref(), Ok(expected), "{page}");
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let page = |ids: &[u64], pages: u64| {
            let records: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
            json!({"success": true, "history": records, "pagination": {"totalPageCount": pages}})
        };
        check(0, &page(&[4, 9, 7], 3), &Verdict::Page { position: 9, rest: Rest::More });
        check(4, &page(&[9], 1), &Verdict::Page { position: 9, rest: Rest::CaughtUp });
        check(9, &page(&[], 0), &Verdict::Nothing);
        assert!(judge_page(9, &page(&[9, 4], 1)).is_err());
        for other in [json!({}), json!({"success": true}), json!({"success": false, "history": []}), json!([])] {
            assert!(judge_page(0, &other).is_err(), "{other}");
        }
    }
}
