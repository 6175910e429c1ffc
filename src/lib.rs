//! Rapport: the analytics API for customer conversations in messengers.
//!
//! # ARCHITECTURE
//!
//! ```text
//! main → app → api → { metrics, ingest → { queue, store → outbound }, auth → outbound } → { sql, model }
//! ```
//!
//! * [`model`]: the vocabulary: events, channels, ranges of time, roles, scopes, the clock.
//! * [`sql`]: text that only the programmer can write, plus bound values.
//! * [`metrics`]: the semantic layer: catalogue, validated query, pure compiler, typed answers.
//! * [`store`]: ClickHouse behind one trait, embedded, servers or shards of them, Arrow in and out; migrations.
//! * [`outbound`]: one HTTP question and its answer; below `auth`, which fetches keys, `ingest`, which asks CRMs, and
//!   `store`, which knows its servers by the same certificates.
//! * [`queue`]: a NATS JetStream stream of bytes, which keeps what was accepted until a worker has stored it.
//! * [`ingest`]: an event's way in, from bytes to a receipt.
//! * [`auth`]: a token becomes a `Viewer` with a `Scope`.
//! * [`api`]: routes, the GraphQL schema, one table of error codes.
//! * [`app`]: composition root, configuration, command line.
//!
//! Invariants, held by `tests/it/tidy.rs` unless said otherwise:
//!
//! * A module imports only from the modules to its right in the picture; `model` and `sql` import nothing of ours.
//! * Only `app::config` reads the environment and only `model::clock` reads the time of day (clippy holds it).
//! * SQL text lives only in `sql/`, `metrics`, `store` and in these modules of `ingest`:
//!   * `known` asks what is known, `deal::stored` what is known of deals, `errands::stored` what is still to be asked
//!     of CRMs;
//!   * `rejected::stored` keeps what was rejected, `feed::log` writes what a process that broke off had not;
//!   * `derive` runs the rules of `sql/derived`, `replay` moves whole tables between two databases;
//!   * `erase` finds what is known of a contact in all tables, `retention` what is too old, and `removal` removes both.
//!
//!   A value reaches the engine only as a bound parameter (the type [`sql::Sql`] holds it).
//! * A fact is read only through its parameterised view, which takes a `Scope`; only `auth` makes one, from a token,
//!   and for `app::replay`, which compares what lies on its own disk. The rows of a team are read for somebody who sees
//!   only its own in one place, `metrics::standing`, by a right that `auth` grants.
//! * Who may read a figure or a column stands in the catalogue, who may read any other field in `api::schema::rules`; a
//!   field without a rule is nobody's. The rules are held before a field resolves and, for figures that arguments name,
//!   by the plan of a query (tests/it/access makes the matrix from the schema).
//! * What a request costs is known before anything of it runs, and it is answered only when its line in the audit log
//!   is written, which holds no token and no text.
//! * Spans and lines of access hold names of our own, ids and counts, nothing that a client sent (tests/it/otlp.rs and
//!   tests/it/transport/logs.rs hold it); nothing but the end of the process waits for whoever collects them.
//! * Three modules open connections, only to configured addresses: `outbound`, and `store::server` and `queue`, which
//!   keep some open. By `outbound`, `auth` asks the sources of keys, `ingest::errands` the CRMs of connections, and
//!   `app::traces` tells the receiver of traces; `queue` speaks NATS, which is no question and answer. (The engine's
//!   library is fetched by a command of its own, once.) Nothing in a token names a key, an algorithm or an address,
//!   nothing in a payload an address.
//! * What is answered as accepted is in `events`, on disk, an id once. Where one process owns the store, that is the
//!   one insert that a sender waits for: `inbox`, from which every state table follows, and `arrivals`, which marks
//!   what is to be derived anew, are written behind it by `ingest::feed`, in larger batches; what waits is bounded,
//!   whoever asks waits for it, and after a crash it is read from `events` again. Where several processes share a store
//!   the order is `inbox`, `arrivals`, `events`, because nobody knows what another one has still to write: a crash in
//!   between is healed by the sender's retry or the queue's. Both ways every state table is idempotent, and a mark too
//!   many costs only time.
//! * What a CRM does not push is asked for by `ingest::errands` and comes in by the same way as what is pushed:
//!   archived, read, stored, and only then noted as done.
//! * What takes whole dialogs or chats to know is derived when they change, not when it is asked for: facts read the
//!   tables `derived_*`, whose rows stand on the day of their time. Where processes share a store one at a time
//!   derives, by a right that the engine gives (`ingest::derive::lease`). They were views over the states first; on a
//!   tenant of ten million messages those took more than ten seconds. A run of `ingest::derive` that breaks off is
//!   begun again, because it takes the marks away last.
//! * Whose a name is follows from links (`identity_links`), which are only ever added; it is derived in the same way
//!   into `people`, and is the same in whatever order links come. Facts that count or find contacts read it; no fact
//!   shows a name of a person that its own row does not have.
//! * A backup is the whole store between two changes (`store::backup` says why that is enough); a data directory in
//!   which a restore was broken off is opened by nobody.
//! * A tenant lies whole on one shard of a store. A statement says whose it is where the tenant is bound
//!   ([`sql::About`]); a store of several shards refuses one that does not say it (tests run the whole API over such a
//!   store).
//! * What is stored is never changed but by an erasure, by its age or by a replay. An erasure removes what is known of
//!   a contact, physically, and derives anew what it touched; what it removes stands in a table before it begins, under
//!   its own name, so that whoever has the right to derive there can end it: the next start, or another process. What is older than its tenant lets it be kept is found anew before each table, and
//!   what it is found by goes last, so that a removal that breaks off is gone on with. No figure of a range that is
//!   kept changes by it.
//! * A replay builds the tenant a second time beside, shows what differs, and puts the second in the place of the
//!   first. A mark says that it began; `app::build` ends it before anything is answered.
//! * No file has more than 400 lines; migrations are numbered without gaps (a test beside the store's holds it).

pub mod api;
pub mod app;
pub mod auth;
pub mod ingest;
pub mod metrics;
pub mod model;
pub mod outbound;
pub mod queue;
pub mod sql;
pub mod store;
