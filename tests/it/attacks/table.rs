//! The table of attack cases: each has tests that hold it, and they exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../../../src/api/attacks.md");

/// How many cases each letter has.
const CASES: [(char, usize); 5] = [('T', 19), ('I', 22), ('S', 10), ('R', 20), ('W', 13)];

fn read_all(directory: &Path, found: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// The functions that stand right below the mark of a test.
fn tests(code: &str) -> BTreeSet<&str> {
    let marked = ["#[test]", "#[tokio::test]", "#[tokio::test("].into_iter().flat_map(|mark| code.split(mark).skip(1));
    let named = marked.filter_map(|rest| {
        let (before, after) = rest.split_once("fn ")?;
        (before.lines().count() <= 3).then(|| after.split('(').next().unwrap_or_default())
    });
    named.collect()
}

#[test]
fn every_case_is_held_by_tests_that_exist_or_says_why_not() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    read_all(&root.join("src"), &mut code);
    read_all(&root.join("tests"), &mut code);
    let known = tests(&code);
    let mut cases = BTreeSet::new();
    for line in TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [case, attack, expected, held] = cells[..] else { panic!("{line} has not four cells") };
        assert!(cases.insert(case.to_owned()), "{case} twice");
        assert!(!attack.is_empty() && !expected.is_empty(), "{line}");
        let names: Vec<&str> = held.split('`').skip(1).step_by(2).collect();
        // A case of something that does not exist here says what that is.
        assert_eq!(names.is_empty(), held.starts_with("none: "), "{line}");
        for name in names {
            assert!(known.contains(name), "{case} names the test {name}, which does not exist");
        }
    }
    let expected: BTreeSet<String> =
        CASES.iter().flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}"))).collect();
    assert_eq!(cases, expected);
}
