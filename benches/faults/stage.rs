//! One trial: a server with a data directory of its own, its senders, and the reckoning at the end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::asking;
use super::chance::Chance;
use super::child::{Server, Setting};
use super::client::PATIENCE;
use super::counting::{Harm, count};
use super::load::{Load, Sample, Shape, lock};
use super::outcome::{Mark, Outcome};
use super::traffic::TENANTS;
use super::{House, Plan};

/// Lines that are told when something is wrong.
const LAST_WORDS_MAX: usize = 12;

/// How long it may take until everything is acknowledged once the harm is over.
const FINISH_WITHIN: Duration = Duration::from_secs(120);

pub struct Stage {
    house: House,
    // Dropped after the server, so that no process writes where nothing is.
    server: Option<Server>,
    pub setting: Setting,
    pub load: Arc<Load>,
    pub chance: Chance,
    pub outcome: Outcome,
    /// The last lines of each process, for who asks what went wrong.
    last_words: Vec<String>,
    directory: TempDir,
}

impl Stage {
    /// A running server in an empty directory.
    pub fn begin(house: &House, plan: Plan, name: &str, shape: Shape) -> Result<Self, String> {
        let mut stage = Self::prepare(house, plan, name, shape);
        stage.start()?;
        Ok(stage)
    }

    /// The same before the server runs, so that its setting can be changed.
    pub fn prepare(house: &House, plan: Plan, name: &str, shape: Shape) -> Self {
        let directory = tempfile::tempdir_in(&house.directory).expect("a directory can be made");
        let setting = Setting {
            library: house.library.clone(),
            directory: directory.path().to_owned(),
            data: directory.path().join("data"),
            before: String::new(),
        };
        let load = Load::new(shape, Chance::new(plan.seed, &format!("{name} load")));
        Self {
            house: house.clone(),
            server: None,
            setting,
            load,
            chance: Chance::new(plan.seed, name),
            outcome: Outcome::default(),
            last_words: Vec::new(),
            directory,
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the server; the first start of an empty directory is no recovery.
    pub fn start(&mut self) -> Result<(), String> {
        let is_first = !self.setting.data.join("chdb").exists();
        let server = Server::start(&self.setting)?;
        if !is_first {
            self.outcome.recoveries.push(server.ready_after);
        }
        self.load.turn_to(server.address);
        self.server = Some(server);
        Ok(())
    }

    pub fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("the trial has started it")
    }

    pub fn take_server(&mut self) -> Server {
        self.server.take().expect("the trial has started it")
    }

    pub fn kill(&mut self) {
        let server = self.take_server();
        self.listen(&server.said());
        server.kill();
        self.outcome.trials += 1;
    }

    pub fn note(&mut self, text: String) {
        self.outcome.notes.push(text);
    }

    pub fn wrong(&mut self, text: String) {
        self.outcome.verdict.wrong.push(text);
    }

    /// Sends what is left, compares what the API answers, ends the server, and counts what its directory holds.
    pub fn reckon(self) -> Result<Outcome, String> {
        self.reckon_after(Harm::None)
    }

    /// The same when something was done to the directory that must be found.
    pub fn reckon_after(mut self, harm: Harm) -> Result<Outcome, String> {
        if let Err(left) = self.load.finish(FINISH_WITHIN) {
            self.wrong(left);
        }
        self.compare_answers();
        let (status, took, said) = self.take_server().terminate();
        if !status.success() {
            self.wrong(format!("SIGTERM ended it with {status} after {} ms", took.as_millis()));
        }
        // What the server itself had to say of what was harmed, once.
        if let Some(line) = said.lines().find(|line| line.contains("ERROR")) {
            self.note(format!("its log: {}", line.chars().take(300).collect::<String>()));
        }
        self.listen(&said);
        let is_unanswered = |sample: &&Sample| sample.status == 0 && PATIENCE <= sample.took;
        let unanswered = self.load.samples().iter().filter(is_unanswered).count();
        if 0 < unanswered {
            self.note(format!("{unanswered} requests had no answer within {} s", PATIENCE.as_secs()));
        }
        let counted = count(&self.house, &self.setting.data, harm);
        let mut verdict = lock(&self.load.ledger).judge(&counted);
        verdict.wrong.append(&mut self.outcome.verdict.wrong);
        let complaints = self.load.complaints();
        verdict.wrong.extend(complaints.iter().map(|(complaint, count)| format!("{count} × {complaint}")));
        self.outcome.verdict = verdict;
        if self.outcome.mark() == Mark::Failed {
            let words = self.last_words.split_off(self.last_words.len().saturating_sub(LAST_WORDS_MAX)).join(" | ");
            self.note(format!("what the servers said last: {words}"));
        }
        Ok(self.outcome)
    }

    /// Keeps what a server said last, and looks for what none may say.
    fn listen(&mut self, said: &str) {
        if let Some(panic) = said.lines().find(|line| line.contains("panicked")) {
            self.wrong(format!("it panicked: {panic}"));
        }
        let last: Vec<&str> = said.lines().rev().take(3).collect();
        self.last_words.extend(last.iter().rev().map(|line| line.chars().take(300).collect()));
    }

    fn compare_answers(&mut self) {
        for (tenant, name) in TENANTS.iter().enumerate() {
            let expected = lock(&self.load.ledger).figures(tenant);
            match asking::figures(self.server().address, tenant) {
                Ok((figures, took)) if figures == expected => {
                    if Duration::from_secs(1) < took {
                        self.note(format!("answers about {name} were complete after {} ms", took.as_millis()));
                    }
                }
                Ok((figures, _)) => {
                    self.wrong(format!("the API answers {figures:?} for {name} and must answer {expected:?}"));
                }
                Err(error) => self.wrong(error),
            }
        }
    }
}
