//! A control group (version 1) of our own, in which a server has too little of something.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the system keeps them, by what they limit.
const GROUPS: &str = "/sys/fs/cgroup";

/// Removed when it is dropped and empty.
#[derive(Debug)]
pub struct Group(PathBuf);

impl Group {
    /// One that limits nothing yet: of `memory` or `cpu`. Only root can make one.
    pub fn make(controller: &str) -> Result<Self, String> {
        let groups = Path::new(GROUPS).join(controller);
        // Version 2 has no directory for each, and where nothing is mounted one could still be made.
        if !groups.join("cgroup.procs").exists() {
            return Err(format!("{} is no cgroup of version 1", groups.display()));
        }
        let group = Self(groups.join(format!("rapport-faults-{}", std::process::id())));
        fs::create_dir_all(&group.0).map_err(|error| error.to_string())?;
        Ok(group)
    }

    /// What a shell does so that it, and what it becomes, is in the group.
    pub fn join_command(&self) -> String {
        format!("echo $$ > {}/cgroup.procs", self.0.display())
    }

    pub fn write(&self, name: &str, value: &str) -> Result<(), String> {
        fs::write(self.0.join(name), value).map_err(|error| format!("{name} cannot be {value}: {error}"))
    }

    pub fn read(&self, name: &str) -> Result<u64, String> {
        let text = self.text(name)?;
        text.trim().parse().map_err(|_| format!("{name} says {text}"))
    }

    /// A number of a file with one to a line, each after its name.
    pub fn read_line(&self, name: &str, line: &str) -> Result<u64, String> {
        let text = self.text(name)?;
        let found = text.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(' '));
        found.and_then(|rest| rest.trim().parse().ok()).ok_or(format!("{name} tells no {line}"))
    }

    fn text(&self, name: &str) -> Result<String, String> {
        fs::read_to_string(self.0.join(name)).map_err(|error| format!("{name} cannot be read: {error}"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
