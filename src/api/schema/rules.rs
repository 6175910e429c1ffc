//! Who may read which field of this schema. Figures and columns have their readers in the catalogue; everything else stands
//! here by name, so that a new field is nobody's until somebody has decided.

use crate::api::access::Rules;
use crate::metrics::catalogue::facts::FACTS;
use crate::metrics::catalogue::{FAMILIES, Family, RecordKind};
use crate::metrics::timeline;
use crate::model::Readers;

use super::{connection, hours, record, standing, told};

/// What tells of the house and of no tenant.
static OF_THE_HOUSE: [(&str, &str); 5] = [
    ("Query", "viewer channels limits"),
    ("Viewer", "sub tenant role operator teams retainedSince"),
    ("Channel", "name note capabilities"),
    ("Capability", "signal level"),
    ("Limit", "name value unit"),
];

/// What everybody reads of the rows in sight.
static OF_A_SIGHT: [(&str, &str); 25] = [
    (
        "MetricDefinition",
        "fullName name family metric definition unit isAdditive numerator denominator cohort population settleHours readers \
         channels dimensions filters arguments histogramBounds",
    ),
    ("ArgumentDefinition", "name type definition"),
    ("ChannelLevel", "channel level"),
    ("Query", "metricDefinitions analytics table dialog businessHours operators teams segments campaigns scenarios"),
    ("Analytics", "from to timezone"),
    ("Quality", "level coverage provisional warnings"),
    ("Warning", "code message"),
    ("Standing", "team value median lowerQuartile upperQuartile operators quality"),
    ("HistogramBin", "from to count"),
    ("HourOfWeek", "weekday hour messages occurrences perOccurrence turns turnsPerOccurrence"),
    ("Explanation", "metrics from to timezone localFrom localTo filter arguments step group statementCount"),
    ("ExplainedFilter", "list values isNot"),
    ("ExplainedArgument", "name value"),
    ("ExplainedStep", "start end every"),
    ("ExplainedKey", "dimension key"),
    ("Table", "from to timezone columns rows totals rowCount"),
    ("TableColumn", "name dimension family metric definition unit isAdditive quality"),
    ("TableRow", "keys values"),
    ("FilterValue", "value messages lastSeenAt"),
    ("PageInfo", "hasNextPage hasPreviousPage startCursor endCursor"),
    ("Dialog", "id cycles timeline"),
    ("BusinessHours", "validFrom inForce setAt timezone weekly exceptions"),
    ("WeeklyHours", "weekday from to"),
    ("HoursException", "date note intervals"),
    ("HoursInterval", "from to"),
];

/// How the house works inside, and what holds for a whole tenant.
static OF_MANAGERS: [(&str, &str); 11] = [
    ("Explanation", "rowsRead statements"),
    ("ExplainedStatement", "sql parameters rowsRead"),
    ("ExplainedParameter", "type value"),
    ("Mutation", "setBusinessHours resubmitRejected"),
    ("Query", "connections rejectedEvents"),
    (
        "ConnectionHealth",
        "name platform accounts state lastReceivedAt received accepted duplicates rejected ignored lookups pendingLookups \
         pendingSince lastAnsweredAt troubled lastTrouble \
         unknownKinds orphans lagP50Seconds lagP95Seconds refusedSinceStart foreignSinceStart failedSinceStart",
    ),
    ("UnknownKind", "kind deliveries"),
    ("RejectedEventConnection", "totalCount notKeptToday edges nodes pageInfo"),
    ("RejectedEventEdge", "cursor node"),
    (
        "RejectedEvent",
        "id eventId connection origin reasonCode reason raw isWhole receivedAt lastSeenAt timesSeen resubmittedAt outcome \
         expiresAt",
    ),
    ("ResubmitReceipt", "accepted duplicates rejected left"),
];

/// What cannot be undone.
static OF_ADMINS: [(&str, &str); 3] = [
    ("Mutation", "eraseContact"),
    (
        "ErasureReport",
        "id contactHash dryRun reach askedBy askedAt finishedAt names linkedNames chats sharedChats rows tables act",
    ),
    ("ErasedTable", "table rows"),
];

/// The rules of the whole schema.
pub fn rules() -> Rules {
    let mut rules = Rules::default();
    let tables: [(&[(&str, &str)], Readers); 4] = [
        (&OF_THE_HOUSE, Readers::Anyone),
        (&OF_A_SIGHT, Readers::Everyone),
        (&OF_MANAGERS, Readers::Managers),
        (&OF_ADMINS, Readers::Admins),
    ];
    for (table, readers) in tables {
        for (parent, fields) in table {
            rules.set(parent, fields.split_whitespace(), readers);
        }
    }
    for family in FAMILIES {
        rules.set("Analytics", [family.name], Readers::Everyone);
        add_family(&mut rules, family);
    }
    add_records(&mut rules);
    rules
}

fn add_family(rules: &mut Rules, family: &Family) {
    let mut everyone = |suffix: &str, fields: &[&str]| {
        rules.set(&format!("{}{suffix}", family.type_name), fields.iter().copied(), Readers::Everyone);
    };
    everyone("", &["total", "series", "by", "compare", standing::STANDING]);
    everyone("", hours::fields(family));
    everyone("Point", &["start", "end", "metrics"]);
    everyone("Group", &["keys", "metrics"]);
    everyone("Metrics", &["quality", "explain", "behind"]);
    everyone("Behind", &["metric"]);
    if family.histogram.is_some() {
        everyone("Metrics", &[told::HISTOGRAM]);
    }
    for kind in RecordKind::ALL {
        everyone("Behind", &[kind.name()]);
    }
    for metric in family.metrics {
        rules.set(&told::type_name(family), [metric.name], metric.readers);
    }
}

fn add_records(rules: &mut Rules) {
    for record in FACTS.iter().flat_map(|fact| fact.records()) {
        for column in record.columns() {
            rules.set(&record::type_name(record.kind), [column.name], column.readers);
        }
    }
    let of_dialogs = [
        ("Dialog", &timeline::DIALOG[..]),
        ("DialogCycle", &timeline::CYCLE[..]),
        ("TimelineEvent", &timeline::EVENT[..]),
    ];
    for (parent, columns) in of_dialogs {
        for column in columns {
            rules.set(parent, [column.name], column.readers);
        }
    }
    for stem in RecordKind::ALL.iter().map(|kind| kind.type_name()).chain(["Timeline"]) {
        rules.set(&connection::type_name(stem), ["totalCount", "edges", "nodes", "pageInfo"], Readers::Everyone);
        rules.set(&connection::edge_name(stem), ["cursor", "node"], Readers::Everyone);
    }
}
