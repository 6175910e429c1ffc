//! What the engine does in the directories of its tables, seen from outside when it happens: a part that begins to be written,
//! and one that is in its place. So a process can be struck in the middle of its work without a word of ours inside of it.
//!
//! An insert writes a part as `tmp_insert_…` and renames it to `all_7_7_0` when it is committed: the number of the insert twice,
//! and how often it was merged, which an insert into some tables does at once. What other merges make has other numbers.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// Where the engine has a link to the directory of each table of the program.
const TABLES: &str = "chdb/data/rapport";

/// Where the engine notes the tokens of inserts, in the directory of a table.
const TOKENS: &str = "deduplication_logs";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The directory of a part is there, and its files come.
    Begun,
    /// The part is in its place: a server that starts has its rows.
    Placed,
    /// The engine has noted the token of the insert.
    Noted,
    /// The watch was told to look no further.
    Rung,
}

/// A step of an insert into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    pub table: &'static str,
    pub step: Step,
}

pub struct Watch {
    inotify: OwnedFd,
    /// What each of its numbers looks at.
    places: HashMap<i32, Place>,
    /// Read and not looked at yet.
    seen: VecDeque<Sight>,
    bell: Bell,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Table(&'static str),
    Tokens(&'static str),
    Bell,
}

/// Ends the wait of a watch from elsewhere.
#[derive(Clone, Debug)]
pub struct Bell(PathBuf);

impl Bell {
    const SIGHT: Sight = Sight { table: "", step: Step::Rung };

    pub fn ring(&self) {
        // Without its directory there is nobody who waits.
        let _ = fs::write(self.0.join("bell"), []);
    }
}

impl Watch {
    /// Looks from now on at tables of a data directory whose server runs. `beside` is where its bell hangs.
    pub fn begin(data: &Path, tables: &[&'static str], beside: &Path) -> Result<Self, String> {
        let inotify = inotify::init(CreateFlags::CLOEXEC).map_err(|error| format!("no inotify: {error}"))?;
        let mut watch =
            Self { inotify, places: HashMap::new(), seen: VecDeque::new(), bell: Bell(beside.join("bell")) };
        for &table in tables {
            let path = data.join(TABLES).join(table);
            watch.look_at(&path, WatchFlags::CREATE | WatchFlags::MOVED_TO, Place::Table(table))?;
            let tokens = path.join(TOKENS);
            if tokens.exists() {
                watch.look_at(&tokens, WatchFlags::MODIFY, Place::Tokens(table))?;
            }
        }
        let bell = watch.bell.0.clone();
        fs::create_dir_all(&bell).map_err(|error| error.to_string())?;
        watch.look_at(&bell, WatchFlags::CLOSE_WRITE, Place::Bell)?;
        Ok(watch)
    }

    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits for the next step of anything that is looked at.
    pub fn next(&mut self) -> Result<Sight, String> {
        loop {
            if let Some(sight) = self.seen.pop_front() {
                return Ok(sight);
            }
            self.read()?;
        }
    }

    /// All steps that were made and are not looked at yet.
    pub fn rest(&mut self) -> Result<Vec<Sight>, String> {
        // What happened before it comes before it.
        self.bell.ring();
        let mut rest = Vec::new();
        loop {
            match self.next()? {
                Bell::SIGHT => return Ok(rest),
                sight => rest.push(sight),
            }
        }
    }

    fn look_at(&mut self, path: &Path, what: WatchFlags, place: Place) -> Result<(), String> {
        let number = inotify::add_watch(&self.inotify, path, what)
            .map_err(|error| format!("{} cannot be watched: {error}", path.display()))?;
        self.places.insert(number, place);
        Ok(())
    }

    /// Waits until something is there, and takes it.
    fn read(&mut self) -> Result<(), String> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = reader.next().map_err(|error| format!("the watch failed: {error}"))?;
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                return Err("the watch missed what happened".to_owned());
            }
            let name = event.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            self.seen.extend(self.places.get(&event.wd()).and_then(|place| place.sight(&name)));
            if reader.is_buffer_empty() {
                return Ok(());
            }
        }
    }
}

impl Place {
    /// What a new name in it means, or a new content.
    fn sight(self, name: &str) -> Option<Sight> {
        match self {
            Self::Bell => Some(Bell::SIGHT),
            Self::Tokens(table) => Some(Sight { table, step: Step::Noted }),
            Self::Table(table) if name.starts_with("tmp_insert_") => Some(Sight { table, step: Step::Begun }),
            Self::Table(table) if number_of_insert(name).is_some() => Some(Sight { table, step: Step::Placed }),
            Self::Table(_) => None,
        }
    }
}

/// The number of the insert that made the part of this name; `None` for every other name.
fn number_of_insert(name: &str) -> Option<u64> {
    let mut numbers = name.strip_prefix("all_")?.split('_').map_while(|text| text.parse::<u64>().ok());
    let (first, last, merges) = (numbers.next()?, numbers.next()?, numbers.next()?);
    (first == last && merges <= 1).then_some(first)
}

/// Gives the part of the latest insert the name that it had before it was in its place. The server must be gone.
pub fn put_back_last_part(data: &Path, table: &str) -> Result<(), String> {
    let directory = data.join(TABLES).join(table);
    let entries = fs::read_dir(&directory).map_err(|error| error.to_string())?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let last = names.filter_map(|name| Some((number_of_insert(&name)?, name))).max();
    let (_, name) = last.ok_or(format!("{table} has no part"))?;
    fs::rename(directory.join(&name), directory.join(format!("tmp_insert_{name}"))).map_err(|error| error.to_string())
}
