//! What the crate promises of itself: layers, small files, one place for each thing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules each may import from: the table of `src/lib.rs`, spelled out.
static LAYERS: [(&str, &[&str]); 10] = [
    ("model", &[]),
    ("sql", &[]),
    ("metrics", &["sql", "model"]),
    ("store", &["outbound", "sql", "model"]),
    ("outbound", &["model"]),
    ("queue", &["model"]),
    ("ingest", &["store", "outbound", "queue", "sql", "model"]),
    ("auth", &["outbound", "model"]),
    ("api", &["metrics", "ingest", "auth", "store", "sql", "model"]),
    ("app", &["api", "metrics", "ingest", "auth", "store", "outbound", "queue", "sql", "model"]),
];

/// The longest file, in lines.
const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What builds leave behind is not ours.
                if !path.ends_with("target") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!files.is_empty(), "{directory} holds no Rust");
    files
}

/// `metrics` of `src/metrics.rs` and of `src/metrics/query.rs`.
fn module_of(path: &Path) -> String {
    let name = path.components().nth(1).unwrap().as_os_str().to_string_lossy().into_owned();
    name.trim_end_matches(".rs").to_owned()
}

/// The modules of ours that a text names after `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        if let Some(list) = part.strip_prefix('{') {
            found.extend(first_names(list));
        } else {
            let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.insert(name);
        }
    }
    found
}

/// The first name of each entry of a brace's list, whatever braces are inside.
fn first_names(list: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut depth = 0;
    for character in list.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().unwrap().push(character),
            _ => {}
        }
    }
    names.iter().map(|name| name.trim().split("::").next().unwrap_or("").to_owned()).collect()
}

#[test]
fn imports_are_seen_behind_nested_braces() {
    let text = "use crate::{auth::{Authenticator, Viewer}, model::clock::Millis};\nuse crate::sql::Sql;";
    assert_eq!(imports(text), ["auth", "model", "sql"].map(str::to_owned).into());
}

#[test]
fn a_module_imports_only_from_the_layers_below_it() {
    for (path, text) in rust_files("src") {
        let module = module_of(&path);
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            assert!(matches!(module.as_str(), "lib" | "main"), "{module} is not in the table of layers");
            continue;
        };
        for import in imports(&text) {
            let known = LAYERS.iter().any(|(name, _)| *name == import);
            let allowed = import == module || below.contains(&import.as_str());
            assert!(!known || allowed, "{}: {module} must not import from {import}", path.display());
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for directory in ["src", "tests", "benches"] {
        for (path, text) in rust_files(directory) {
            let lines = text.lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (path, text) in rust_files("src") {
        let tests = path.file_name().unwrap().to_string_lossy().ends_with("tests.rs");
        assert!(tests || text.starts_with("//! "), "{} does not begin with what it is", path.display());
    }
}

#[test]
fn only_auth_grants_a_scope() {
    for (path, text) in rust_files("src") {
        let allowed = module_of(&path) == "auth" || path.ends_with("model/scope.rs");
        assert!(allowed || !text.contains("Scope::granted"), "{} makes a scope", path.display());
    }
}

#[test]
fn only_a_command_takes_the_scope_of_who_owns_the_data() {
    for (path, text) in rust_files("src") {
        let allowed = path.ends_with("app/replay.rs") || module_of(&path) == "auth" || path.ends_with("model/scope.rs");
        assert!(allowed || !text.contains("auth::owner"), "{} reads a tenant without a token", path.display());
    }
}

#[test]
fn only_standing_reads_the_rows_of_peers() {
    for (path, text) in rust_files("src") {
        let is_standing = path.ends_with("metrics/standing.rs") || path.ends_with("model/scope.rs");
        assert!(
            is_standing || !text.contains("peers.team("),
            "{} reads a team by a right to be compared",
            path.display()
        );
        let is_granting = module_of(&path) == "auth" || path.ends_with("model/scope.rs");
        assert!(is_granting || !text.contains("Peers::granted"), "{} grants a comparison", path.display());
    }
}

#[test]
fn only_three_modules_open_connections() {
    for (path, text) in rust_files("src") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let allowed = module_of(&path) == "outbound" || name.ends_with("tests.rs");
        assert!(allowed || !text.contains("TcpStream::connect"), "{} opens a connection", path.display());
        let is_store = path.starts_with("src/store/server") || path.ends_with("store/server.rs");
        assert!(is_store || !text.contains("HttpConnector"), "{} keeps connections", path.display());
        let is_queue = module_of(&path) == "queue";
        assert!(is_queue || !text.contains("async_nats"), "{} speaks to the queue's servers", path.display());
    }
}

#[test]
fn only_some_modules_hold_sql() {
    let marks = ["SELECT ", "INSERT INTO ", "CREATE TABLE", "ALTER TABLE"];
    for (path, text) in rust_files("src") {
        let module = module_of(&path);
        // `sql` has an example in its own test; `ingest::known` asks which ids are known, `ingest::deal::stored` what is known
        // of deals, `ingest::errands::stored` what is still to be asked of CRMs, `ingest::rejected::stored` keeps what was rejected,
        // `ingest::feed::log` writes what a process that broke off had not, `ingest::derive` runs `sql/derived`,
        // `ingest::replay` moves whole tables between two databases, `ingest::erase` finds rows of all tables, and so
        // does `ingest::retention`; `ingest::removal` removes them.
        let allowed = matches!(module.as_str(), "metrics" | "store" | "sql")
            || path.ends_with("ingest/known.rs")
            || path.ends_with("ingest/feed/log.rs")
            || path.ends_with("ingest/deal/stored.rs")
            || path.ends_with("ingest/errands/stored.rs")
            || path.ends_with("ingest/rejected/stored.rs")
            || path.starts_with("src/ingest/derive")
            || path.starts_with("src/ingest/replay")
            || path.ends_with("ingest/replay.rs")
            || path.starts_with("src/ingest/erase")
            || path.ends_with("ingest/erase.rs")
            || path.ends_with("ingest/removal.rs")
            || path.starts_with("src/ingest/retention")
            || path.ends_with("ingest/retention.rs");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        assert!(allowed || !marks.iter().any(|mark| code.contains(mark)), "{} holds SQL", path.display());
    }
}

#[test]
fn the_top_level_holds_what_its_owner_wants() {
    // `mappings` holds files that users point connections to and copy: they are neither code nor contracts.
    let wanted: BTreeSet<&str> = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "docker-compose.yml",
        // Rules that who runs it loads into Prometheus.
        "ops",
        "src",
        "schema",
        "sql",
        "mappings",
        "tests",
        "benches",
    ]
    .into();
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        // What runs leave behind is ignored by git.
        let left = name.starts_with('.') || matches!(name.as_str(), "target" | "data");
        assert!(left || wanted.contains(name.as_str()), "{name} does not belong to the top level");
    }
}

/// Name and version of every package in a lock.
fn locked(path: &str) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let value = |line: &str, name: &str| Some(line.strip_prefix(name)?.trim_matches('"').to_owned());
    let packages = text.split("[[package]]\n").skip(1);
    let locked = packages.map(|package| {
        let find = |name: &str| package.lines().find_map(|line| value(line, name)).unwrap();
        (find("name = "), find("version = "))
    });
    locked.collect()
}

#[test]
fn fuzz_targets_are_built_with_the_versions_of_the_crate() {
    let (ours, theirs) = (locked("Cargo.lock"), locked("tests/fuzz/Cargo.lock"));
    let drifted: Vec<_> = theirs
        .difference(&ours)
        .filter(|(name, _)| !matches!(name.as_str(), "arbitrary" | "libfuzzer-sys" | "rapport-fuzz"))
        .collect();
    assert!(drifted.is_empty(), "copy Cargo.lock to tests/fuzz/ and run cargo there: {drifted:?}");
    assert!(theirs.contains(&("rapport".to_owned(), env!("CARGO_PKG_VERSION").to_owned())));
}

#[test]
fn the_readme_tells_every_error_code_every_limit_and_every_command() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for code in rapport::api::Code::ALL {
        assert!(readme.contains(&format!("`{}`", code.text())), "the README does not explain {code}");
    }
    for limit in rapport::api::Limits::default().rows() {
        assert!(
            readme.contains(&format!("| `{}` | {} |", limit.name, limit.value)),
            "the README does not name the limit {}",
            limit.name
        );
    }
    use clap::CommandFactory;
    for command in rapport::app::cli::Cli::command().get_subcommands() {
        assert!(
            readme.contains(&format!("rapport {}", command.get_name())),
            "the README does not show `{}`",
            command.get_name()
        );
    }
}
