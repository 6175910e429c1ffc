//! What waits in the queue.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::whole;
use crate::ingest::queued::Lag;
use crate::model::clock::Millis;

/// Nothing where there is no queue, or it does not tell.
pub(super) fn register(registry: &mut Registry, lag: Option<Lag>, now: Millis) {
    let Some(lag) = lag else { return };
    let age_ms = lag.oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
    for (name, help, value) in [
        ("queue_messages", "Messages of the queue that no worker has stored yet", whole(lag.messages)),
        ("queue_bytes", "Bytes of the messages that no worker has stored yet", whole(lag.bytes)),
        ("queue_oldest_seconds", "Seconds since the oldest of them was published", age_ms / 1_000),
        ("queue_aside", "Messages that were put aside because they cannot be stored", whole(lag.aside)),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn expose(lag: Option<Lag>) -> String {
        let mut registry = Registry::default();
        register(&mut registry, lag, 61_000);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn the_lag_of_the_queue_is_told_where_there_is_one() {
        let text = expose(Some(Lag { messages: 3, bytes: 500, oldest: Some(1_000), aside: 2 }));
        for line in ["queue_messages 3", "queue_bytes 500", "queue_oldest_seconds 60", "queue_aside 2"] {
            assert!(text.contains(&format!("{line}\n")), "{line}\n{text}");
        }
        assert!(expose(Some(Lag::default())).contains("queue_oldest_seconds 0\n"));
        assert!(!expose(None).contains("queue_"));
    }
}
