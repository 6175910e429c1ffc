//! The 61 audits of GraphQL over HTTP, run by their own npm package against a real port.

use std::{path::PathBuf, process::Command, sync::Mutex};

use rapport::api::{Limits, serve};

use crate::world::World;

const PACKAGES: [&str; 2] = ["graphql-http@1.23.1", "graphql@16.15.0"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_61_audits_of_graphql_over_http_are_ok() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    let token = world.manager();
    let server = tokio::spawn(serve(listener, world.router.clone(), Limits::default(), std::future::pending()));
    let report = tokio::task::spawn_blocking(move || run_audits(&url, &token)).await.unwrap();
    server.abort();

    let audits = report.as_array().unwrap();
    let failed: Vec<_> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(audits.len(), 61);
}

/// The audits' results: `[{id, name, status, reason}]`.
fn run_audits(url: &str, token: &str) -> serde_json::Value {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/graphql_http_audits.mjs");
    let output = Command::new("node").arg(script).arg(installed_packages()).arg(url).arg(token).output();
    let output = output.expect("node is needed for the audits");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Where the packages are; installs them the first time.
fn installed_packages() -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("npm-{}", PACKAGES.join("-")));
    let done = directory.join("installed");
    if !done.exists() {
        std::fs::create_dir_all(&directory).unwrap();
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&directory)
            .args(PACKAGES)
            .output()
            .expect("npm is needed for the audits");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(done, "").unwrap();
    }
    directory
}
