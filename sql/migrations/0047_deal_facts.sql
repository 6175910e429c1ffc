-- What CRMs said of deals, a row a fact: what follows from them is conversions in `inbox`. A fact that is told again, or read
-- again with other options, replaces the one before it. `amount` and `currency`: null is "not said", empty is "none any more".
CREATE TABLE IF NOT EXISTS deal_facts
(
    tenant LowCardinality(String),
    deal String,
    id String,
    channel LowCardinality(String),
    account LowCardinality(String),
    action LowCardinality(String),
    at DateTime64(3, 'UTC'),
    -- Which of one instant was told last: the greatest.
    rank UInt64,
    -- OPEN, WON, LOST, DELETED, RESTORED; empty is "not said".
    stage LowCardinality(String),
    -- Whether the deal came into the stage then; otherwise it is only known to be in it.
    is_transition Bool,
    amount Nullable(String),
    currency Nullable(String),
    -- What amounts are in where no fact names a currency.
    usual_currency LowCardinality(String),
    -- By which connection, and when, it was told last.
    connection LowCardinality(String),
    received_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, deal, id)
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1
