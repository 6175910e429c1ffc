-- The log of normalised events and the authority on which ids are known. Sorted by id, so that asking for the
-- ids of a batch reads a few small granules. `clock` says whose time `at` is: OCCURRED, MISSING or AHEAD
-- (the last two: ours).
CREATE TABLE IF NOT EXISTS events
(
    tenant LowCardinality(String),
    id String,
    kind LowCardinality(String),
    at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    clock LowCardinality(String),
    channel LowCardinality(String),
    account LowCardinality(String),
    chat String,
    contact String,
    dialog String,
    message String,
    operator LowCardinality(String),
    team LowCardinality(String),
    author LowCardinality(String),
    assisted Bool,
    segments Array(LowCardinality(String)),
    campaign LowCardinality(String),
    scenario LowCardinality(String),
    template LowCardinality(String),
    source LowCardinality(String),
    message_kind LowCardinality(String),
    failure_code LowCardinality(String),
    failure_reason LowCardinality(String),
    survey_id String,
    survey_score Nullable(Float64),
    survey_scale Nullable(Int64),
    conversion_action LowCardinality(String),
    conversion_value Nullable(Decimal(18, 4)),
    conversion_currency LowCardinality(String),
    conversion_order String,
    cost_amount Nullable(Decimal(18, 4)),
    cost_currency LowCardinality(String),
    cost_category LowCardinality(String),
    consent_purpose LowCardinality(String),
    consent_text_version LowCardinality(String),
    link_url String,
    attributes Map(LowCardinality(String), String)
)
ENGINE = MergeTree
ORDER BY (tenant, id)
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1
