//! What a person sees during a long step: a bar on a terminal, a line where there is none.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A step whose length nobody knows.
    pub(super) fn spinner(what: &'static str) -> Self {
        let progress = Self::start(ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})", what);
        progress.bar.enable_steady_tick(Duration::from_millis(120));
        progress
    }

    /// A step over so many bytes.
    pub(super) fn bytes(what: &'static str, length: u64) -> Self {
        Self::start(ProgressBar::new(length), "{msg} [{bar:32}] {bytes} of {total_bytes} ({eta})", what)
    }

    pub(super) fn advance(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn start(bar: ProgressBar, template: &str, what: &'static str) -> Self {
        // indicatif draws nothing where stderr is no terminal.
        if !stderr().is_terminal() {
            eprintln!("{what}");
        }
        bar.set_style(ProgressStyle::with_template(template).expect("the templates above are well formed"));
        bar.set_message(what);
        Self { bar }
    }
}
