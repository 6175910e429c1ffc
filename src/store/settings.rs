//! Settings that every statement has, whichever engine runs it.

/// Bytes of a statement's text with its values in it. The engine's own limit, 256 KiB, is passed by a question for
/// which of 5,000 ids are known; 4 MiB holds 10,000 ids of 400 bytes.
pub(super) const QUERY_BYTES: u64 = 4 << 20;

/// Compiling expressions costs a long statement more than it ever gains: a third of its time on a large tenant, and half of
/// it on a small one. A key that is looked for in merged rows is looked for before the other columns are read.
pub(super) const FOR_LONG_STATEMENTS: [(&str, u64); 4] = [
    ("compile_expressions", 0),
    ("compile_aggregate_expressions", 0),
    ("compile_sort_description", 0),
    ("optimize_move_to_prewhere_if_final", 1),
];
