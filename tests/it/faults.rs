//! The short form of the faults: seconds, debug binary, every change. The long one is `cargo bench --bench faults`.
//!
//! Sending, harming and counting are the same code as there; see `benches/faults/driver.rs`.

#[path = "../../benches/faults/driver.rs"]
mod driver;

use std::path::PathBuf;
use std::process::Command;

use self::driver::outcome::{Mark, Outcome};
use self::driver::{FAULTS, House, Length, Plan, counting};
use crate::engine::library;

/// This test alone, in a process of its own: it counts instead.
fn counter() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a process knows its program"));
    command.args(["--exact", "faults::a_directory_is_counted_in_a_process_of_its_own", "--test-threads=1"]);
    command
}

/// Runs one of them by its number.
fn run(number: &str) -> Outcome {
    let house = House { library: library(), directory: PathBuf::from(env!("CARGO_TARGET_TMPDIR")), counter };
    let plan = Plan { seed: 1, rounds: 3, length: Length::Short };
    let (_, title, run) = FAULTS.iter().find(|(name, ..)| *name == number).expect("the table has it");
    let outcome = run(&house, plan);
    let text = format!("{number} {title}: {}\n    {}", outcome.mark().text(), outcome.remarks().join("\n    "));
    if outcome.mark() == Mark::NotRun {
        // Loud, and past the runner, which shows nothing of a test that passes.
        use std::io::Write;
        let _ = writeln!(std::io::stderr().lock(), "\n!!! A FAULT WAS NOT TESTED: {text}\n");
    }
    assert_ne!(outcome.mark(), Mark::Failed, "{text}\n{outcome:#?}");
    println!("{text}\n{}", outcome.to_row(number, title));
    outcome
}

/// Without a task there is nothing to count.
#[test]
fn a_directory_is_counted_in_a_process_of_its_own() {
    counting::if_asked();
}

#[test]
fn what_was_acknowledged_survives_kills_at_random_moments() {
    assert_eq!(run("F1").trials, 3);
}

#[test]
fn a_kill_in_any_window_of_a_request_loses_and_doubles_nothing() {
    for window in ["F2a", "F2b", "F2c"] {
        assert_eq!(run(window).trials, 3);
    }
}

#[test]
fn a_kill_in_any_window_of_the_engines_work_loses_and_doubles_nothing() {
    for window in ["F2d", "F2e", "F2f", "F2g", "F2h"] {
        assert!(3 <= run(window).trials);
    }
}

#[test]
fn a_full_disk_refuses_events_and_answers_questions_until_there_is_room() {
    run("F4");
}

#[test]
fn shuffled_duplicates_across_restarts_are_counted_once() {
    run("F10");
}

#[test]
fn poison_costs_only_its_own_lines() {
    run("F13");
}

#[test]
fn a_connection_that_is_cut_after_the_commit_doubles_nothing() {
    run("F14");
}

#[test]
fn a_server_that_is_killed_for_memory_starts_again_with_everything() {
    run("F18");
}

#[test]
fn a_server_without_processor_time_is_slow_and_sound() {
    run("F19");
}

#[test]
fn a_server_without_descriptors_recovers() {
    run("F20");
}

#[test]
fn a_stop_under_load_answers_every_request_that_was_open() {
    run("F21");
}

#[test]
fn a_second_process_is_refused_and_told_why() {
    run("F22");
}

#[test]
fn the_oracle_finds_what_was_lost_or_doubled_on_purpose() {
    for control in ["C1", "C2", "C3", "C4"] {
        run(control);
    }
}

#[test]
fn slow_clients_and_bursts_lose_nothing() {
    for crowd in ["F8a", "F9"] {
        run(crowd);
    }
}
