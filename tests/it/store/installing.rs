//! Finding the engine. The installation itself is tried by whichever test first needs an engine on a fresh machine.

use std::fs;
use std::path::PathBuf;

use rapport::store::engine::{EngineError, EngineSource, VERSION, find_or_install};

use crate::engine;

#[test]
fn a_library_that_the_user_names_is_taken_as_it_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let library = directory.path().join("mine.so");
    fs::write(&library, "mine").expect("the directory is writable");
    let source = EngineSource { library: Some(library.clone()), cache_dir: directory.path().join("cache") };
    let found = find_or_install(&source).expect("the file exists");
    assert_eq!(found, library.canonicalize().expect("the file exists"));
}

#[test]
fn a_library_that_is_not_there_is_named_with_what_to_do() {
    let source = EngineSource { library: Some(PathBuf::from("/nowhere/libchdb.so")), cache_dir: PathBuf::new() };
    let refused = find_or_install(&source).expect_err("there is no such file");
    assert!(matches!(refused, EngineError::NoSuchLibrary { .. }), "{refused:?}");
    let message = refused.to_string();
    assert!(message.contains("/nowhere/libchdb.so") && message.contains("RAPPORT_ENGINE_LIBRARY"), "{message}");
}

#[test]
fn an_installed_library_is_found_again_at_once() {
    // The first call may install; the second one reads two small facts about two files.
    assert_eq!(engine::library(), engine::library());
}

#[test]
fn a_verified_library_of_the_wrong_size_is_not_used() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let release = directory.path().join("engine").join(VERSION);
    // A file where the directory should be: whatever installs here must fail, and must not fetch anything.
    fs::create_dir_all(release.join("install.lock")).expect("the directory is writable");
    fs::write(release.join("libchdb.so"), "cut short").expect("the directory is writable");
    let checksum = "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5";
    fs::write(release.join("libchdb.so.sha256"), checksum).expect("the directory is writable");
    let source = EngineSource { library: None, cache_dir: directory.path().to_owned() };
    let refused = find_or_install(&source).expect_err("the cached library is not whole");
    assert!(matches!(refused, EngineError::Io { .. } | EngineError::Platform { .. }), "{refused:?}");
}
