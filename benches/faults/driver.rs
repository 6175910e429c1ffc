//! The fault harness: real processes, real signals, and an oracle that knows what was sent and what was acknowledged.
//!
//! It treats the program as a black box: it starts `rapport serve`, talks HTTP to it, harms it, asks it by GraphQL, and when it
//! is gone counts in its data directory. It never calls the code that it tests. Shared by `cargo bench --bench faults` (the long
//! form) and `tests/it/faults.rs` (the short one).
//!
//! Reading order: [`traffic`] (events made from numbers), [`ledger`] (the oracle), [`client`] and [`load`] (sending), [`child`]
//! (the process), [`counting`] (what the disk holds), [`asking`] (what the API answers), [`stage`] (one trial), [`outcome`].
//! The faults themselves: [`crashes`] and [`windows`] (which [`watching`] finds), [`cuts`], [`room`], [`shortage`] and
//! [`starvation`] (by [`cgroup`]), [`crowds`], [`poison`], [`stops`], [`control`].
//! F3, F16 and F17 (the queue's faults) come with the queue, as a module beside these and lines of [`FAULTS`].

#![allow(dead_code, reason = "the long form and the short form each use a part of it")]
#![allow(clippy::expect_used, reason = "a harness that cannot go on should say where")]

pub mod asking;
pub mod cgroup;
pub mod chance;
pub mod child;
pub mod client;
pub mod control;
pub mod counting;
pub mod crashes;
pub mod crowds;
pub mod cuts;
pub mod ledger;
pub mod load;
pub mod outcome;
pub mod poison;
pub mod proxy;
pub mod room;
pub mod shortage;
pub mod stage;
pub mod starvation;
pub mod stops;
pub mod traffic;
pub mod watching;
pub mod windows;

use std::path::PathBuf;
use std::process::Command;

use self::outcome::Outcome;

/// What every trial needs.
#[derive(Clone, Debug)]
pub struct House {
    /// The engine's library, so that no child looks for it.
    pub library: PathBuf,
    /// Where data directories are made: a real disk.
    pub directory: PathBuf,
    /// This program, started so that it does nothing but [`counting::if_asked`].
    pub counter: fn() -> Command,
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Harms of the faults that are repeated: kills, cuts.
    pub rounds: u32,
    pub length: Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Seconds, for every change.
    Short,
    /// Minutes, for figures.
    Long,
}

impl Plan {
    /// The first in the short form, the second in the long one.
    pub fn choose<T>(self, short: T, long: T) -> T {
        match self.length {
            Length::Short => short,
            Length::Long => long,
        }
    }
}

pub type Run = fn(&House, Plan) -> Outcome;

/// All of them, by the numbers that the table of faults gives them; `C…` are the controls, which must find what was harmed.
pub const FAULTS: [(&str, &str, Run); 26] = [
    ("F1", "kill -9 at random moments", crashes::at_random_moments),
    ("F2a", "kill -9 while the body is being sent", crashes::before_the_insert),
    ("F2b", "kill -9 after the body, at a random millisecond", crashes::between_the_inserts),
    ("F2c", "kill -9 when the answer is on its way", crashes::before_the_answer),
    ("F2d", "kill -9 while the part of `events` is written", windows::while_events_are_written),
    ("F2e", "kill -9 when events are stored and not answered", windows::when_events_are_stored),
    ("F2f", "kill -9 when what follows is half written", windows::while_what_follows_is_written),
    ("F2g", "kill -9 while dialogs are derived", windows::while_dialogs_are_derived),
    ("F2h", "kill -9 between the note of an insert and its part", windows::when_the_insert_is_noted),
    ("F4", "disk full and freed", room::disk_full),
    ("F8a", "slow bodies, slow heads, slow readers", crowds::slow_clients),
    ("F8b", "32 slow bodies that announce 8 MiB each", crowds::slow_and_large),
    ("F9", "ten times as many senders", crowds::burst),
    ("F10", "shuffled duplicates across restarts", cuts::shuffled_duplicates),
    ("F13", "poison lines", poison::poison_lines),
    ("F14", "connection cut after k bytes of the answer", cuts::cut_answers),
    ("F18", "killed for memory (cgroup)", shortage::memory),
    ("F19", "a tenth of a core (cgroup)", starvation::processor),
    ("F20", "no file descriptors left", shortage::descriptors),
    ("F21", "SIGTERM under load", stops::under_load),
    ("F22", "a second process on the directory", stops::second_process),
    ("Q", "a small query, idle and at full ingestion", crowds::queries_while_ingesting),
    ("C1", "control: acknowledged, never sent", control::acknowledged_without_sending),
    ("C2", "control: an acknowledged row deleted", control::a_row_deleted),
    ("C3", "control: a stored row doubled", control::a_row_doubled),
    ("C4", "control: sent again under other ids", control::sent_under_other_ids),
];
