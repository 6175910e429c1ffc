//! The families of metrics: which are asked, for which fields, and what their rows have.

/// A family that questions are asked of.
#[derive(Debug)]
pub struct Family {
    pub name: &'static str,
    /// Its numbers but for histogram and quality.
    pub fields: &'static [&'static str],
    pub histogram: bool,
    /// Counts whose parts add up to the whole.
    pub adding: &'static [&'static str],
    /// Counts that a filter can only make smaller, but that do not add up.
    pub shrinking: &'static [&'static str],
    /// Dimensions beyond those of every message.
    pub dimensions: &'static [&'static str],
    /// What not all of its rows have: dimensions, and filters of the same.
    pub lacks: &'static [&'static str],
    /// The fields that can be asked all the same; of none, such questions are not asked.
    pub fields_despite: &'static [&'static str],
}

const TIME: [&str; 5] = ["HOUR", "WEEKDAY", "DAY", "WEEK", "MONTH"];
const WRITTEN: &[&str] = &["AUTHOR", "MESSAGE_KIND"];
const WRITTEN_OR_TIME: &[&str] = &["AUTHOR", "MESSAGE_KIND", TIME[0], TIME[1], TIME[2], TIME[3], TIME[4]];

const PLAIN: Family = Family {
    name: "",
    fields: &[],
    histogram: false,
    adding: &[],
    shrinking: &[],
    dimensions: &[],
    lacks: &[],
    fields_despite: &[],
};

pub static FAMILIES: &[Family] = &[
    Family {
        name: "delivery",
        fields: &[
            "rate",
            "outbound",
            "delivered",
            "failed",
            "pending",
            "acceptanceRate",
            "addressableRate",
            "failedAfterDelivered",
            "orphanStatuses",
        ],
        adding: &["outbound", "delivered", "failed", "pending", "failedAfterDelivered", "orphanStatuses"],
        dimensions: &["FAILURE_REASON"],
        ..PLAIN
    },
    Family {
        name: "reads",
        fields: &["ofSent", "ofDelivered", "read", "engagedRate"],
        adding: &["read"],
        dimensions: &["FAILURE_REASON"],
        ..PLAIN
    },
    Family { name: "activity", fields: &["messages", "turns"], adding: &["messages", "turns"], ..PLAIN },
    Family {
        name: "responseTime",
        fields: &[
            "p50Seconds",
            "p90Seconds",
            "p95Seconds",
            "p99Seconds",
            "meanSeconds",
            "withinTarget",
            "answered",
            "unanswered",
            "abandoned",
        ],
        histogram: true,
        adding: &["answered", "unanswered", "abandoned"],
        ..PLAIN
    },
    Family {
        name: "activeDialogs",
        fields: &["distinct", "peak", "openNow", "peakAt", "meanConcurrent"],
        shrinking: &["distinct", "peak", "openNow"],
        lacks: WRITTEN_OR_TIME,
        fields_despite: &["distinct"],
        ..PLAIN
    },
    Family {
        name: "satisfaction",
        fields: &[
            "satisfiedShare",
            "satisfiedLow",
            "satisfiedHigh",
            "meanScore",
            "normalisedMean",
            "responseRate",
            "rated",
            "surveyed",
        ],
        histogram: true,
        adding: &["rated", "surveyed"],
        lacks: WRITTEN,
        ..PLAIN
    },
    Family {
        name: "conversion",
        fields: &["rate", "identityCoverage", "converted", "dialogs", "value", "currency"],
        adding: &["converted", "dialogs"],
        dimensions: &["CONVERSION_KIND"],
        lacks: WRITTEN,
        ..PLAIN
    },
    Family {
        name: "automation",
        fields: &[
            "automaticShare",
            "automaticMessageShare",
            "containment",
            "handoffRate",
            "automatic",
            "manual",
            "assisted",
        ],
        adding: &["automatic", "manual", "assisted"],
        lacks: WRITTEN,
        fields_despite: &["automaticShare", "automaticMessageShare", "automatic", "manual", "assisted"],
        ..PLAIN
    },
    Family {
        name: "sessions",
        fields: &["p50Seconds", "p90Seconds", "meanSeconds", "sessions", "singleMessageSessions"],
        histogram: true,
        adding: &["sessions", "singleMessageSessions"],
        lacks: WRITTEN,
        ..PLAIN
    },
    Family {
        name: "unsubscribes",
        fields: &["rate", "muteRate", "unsubscribed", "netUnsubscribed", "exposed", "muted"],
        shrinking: &["unsubscribed", "netUnsubscribed", "exposed"],
        ..PLAIN
    },
];

/// The families that are asked: all, unless `ORACLE_FAMILIES` names some, with commas.
#[expect(clippy::disallowed_methods, reason = "who runs the tests asks of other families")]
pub fn asked() -> Vec<&'static Family> {
    let chosen = std::env::var("ORACLE_FAMILIES").ok();
    match chosen {
        Some(names) => names.split(',').map(family).collect(),
        None => FAMILIES.iter().collect(),
    }
}

pub fn family(name: &str) -> &'static Family {
    FAMILIES.iter().find(|family| family.name == name).unwrap_or_else(|| panic!("{name} is no family"))
}

/// The dimension that a list of a filter asks for, if it is one.
pub fn dimension_of(list: &str) -> Option<&'static str> {
    Some(match list {
        "channels" => "CHANNEL",
        "accounts" => "ACCOUNT",
        "operators" => "OPERATOR",
        "teams" => "TEAM",
        "segments" => "SEGMENT",
        "campaigns" => "CAMPAIGN",
        "scenarios" => "SCENARIO",
        "authors" => "AUTHOR",
        "messageKinds" => "MESSAGE_KIND",
        "hours" => "HOUR",
        "weekdays" => "WEEKDAY",
        _ => return None,
    })
}

impl Family {
    pub fn lacks_list(&self, list: &str) -> bool {
        dimension_of(list).is_some_and(|dimension| self.lacks.contains(&dimension))
    }

    pub fn has(&self, dimension: &str) -> bool {
        let special = ["FAILURE_REASON", "CONVERSION_KIND"].contains(&dimension);
        !special || self.dimensions.contains(&dimension)
    }

    /// The fields that rows divided by these dimensions can give.
    pub fn fields_by(&self, dimensions: &[&str]) -> Vec<&'static str> {
        let fields = match self.name {
            // A reason is nothing that a reaction can be divided by.
            "reads" if dimensions.contains(&"FAILURE_REASON") => &["ofSent", "ofDelivered", "read"][..],
            "conversion" if dimensions.contains(&"CONVERSION_KIND") => &["converted", "value", "currency"],
            _ if dimensions.iter().any(|dimension| self.lacks.contains(dimension)) => self.fields_despite,
            _ => self.fields,
        };
        fields.to_vec()
    }
}
