//! What the program survives, measured: real processes, killed, starved and cut off, by one command.
//!
//! ```text
//! cargo bench --bench faults -- [--seed 1] [--rounds 100] [--only F1,F4] [--short] [--json]
//! ```
//!
//! Some faults need root (a small disk, a memory limit); where they cannot be made they are NOT RUN, and the table says so. The
//! process fails if anything was lost, doubled or otherwise wrong, or if a control found nothing.

#[path = "faults/driver.rs"]
mod driver;
mod world;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser;
use serde_json::json;

use self::driver::outcome::{Mark, TABLE_HEAD};
use self::driver::{FAULTS, House, Length, Plan, counting};

#[derive(Clone, Debug, Parser)]
struct Options {
    /// Everything random follows from it, but for the moments at which the system runs what
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kills of each kind
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Numbers of faults, with commas; F2 means F2a to F2h
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds instead of minutes, as `cargo test` does it
    #[arg(long)]
    short: bool,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn counter() -> Command {
    Command::new(std::env::current_exe().expect("a process knows its program"))
}

fn main() -> ExitCode {
    if counting::if_asked() {
        return ExitCode::SUCCESS;
    }
    let options = Options::parse();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let house = House { library: world::library(), directory, counter };
    let length = if options.short { Length::Short } else { Length::Long };
    let plan = Plan { seed: options.seed, rounds: options.rounds, length };
    let is_asked = |number: &str| {
        let matches = |only: &String| number == only || number.trim_end_matches(char::is_alphabetic) == only;
        options.only.is_empty() || options.only.iter().any(matches)
    };
    let mut done = Vec::new();
    for (number, title, run) in FAULTS.iter().filter(|(number, ..)| is_asked(number)) {
        let began = Instant::now();
        eprintln!("{number}: {title} …");
        let outcome = run(&house, plan);
        eprintln!("{number}: {} after {:.1} s", outcome.mark().text(), began.elapsed().as_secs_f64());
        for remark in outcome.remarks() {
            eprintln!("    {remark}");
        }
        done.push((*number, *title, outcome));
    }
    if options.json {
        let all: Vec<_> =
            done.iter().map(|(number, title, outcome)| outcome.to_json(number, title, plan.seed)).collect();
        println!("{}", json!({"benchmark": "faults", "seed": plan.seed, "rounds": plan.rounds, "faults": all}));
    } else {
        println!("{TABLE_HEAD}");
        for (number, title, outcome) in &done {
            println!("{}", outcome.to_row(number, title));
        }
        for (number, _, outcome) in &done {
            for remark in outcome.remarks() {
                println!("\n* {number}: {remark}");
            }
        }
    }
    let is_right = !done.is_empty() && done.iter().all(|(.., outcome)| outcome.mark() != Mark::Failed);
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
