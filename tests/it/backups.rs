//! Backups of a running server, stores made of them, and what is wrong with either.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rapport::auth::Role;
use rapport::ingest::generate::Plan;
use serde_json::{Value, json};

use crate::process::{Client, Server, command, run, token, told};

/// Every family.
const FAMILIES: [&str; 10] = [
    "delivery { total { rate outbound delivered failed } by(dimensions: [CHANNEL]) { keys metrics { outbound } } }",
    "reads { total { ofSent read } }",
    "responseTime { total { p50Seconds p90Seconds answered unanswered abandoned } }",
    "activeDialogs { total { distinct peak meanConcurrent } }",
    "satisfaction { total { meanScore rated surveyed } }",
    "conversion { total { rate converted dialogs identityCoverage } }",
    "automation { total { automatic manual assisted handoffRate } }",
    "sessions { total { sessions p50Seconds } }",
    "activity { total { messages turns } series(every: WEEK) { start metrics { messages } } }",
    "unsubscribes { total { rate unsubscribed exposed } }",
];

/// Bodies of events of one generated company, a few hundred lines each.
fn bodies(messages: u64) -> Vec<String> {
    const DAY_MS: i64 = 86_400_000;
    // 2026-02-20.
    let to = 1_771_545_600_000;
    let time_zone = chrono_tz::Tz::UTC;
    let plan = Plan { seed: 6, tenant_index: 0, from: to - 20 * DAY_MS, to, messages, time_zone };
    let mut lines = Vec::new();
    rapport::ingest::generate::write::ndjson(plan.events(), &mut lines).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(100).map(|lines| lines.join("\n")).collect()
}

/// All of them over all that the tests send, one by one: a machine that is busy with other tests has ten seconds for each.
fn figures(server: &Server) -> Value {
    let mut all = serde_json::Map::new();
    for family in FAMILIES {
        let query = format!(r#"{{ analytics(range: {{from: "2026-01-01", to: "2026-03-01"}}) {{ {family} }} }}"#);
        let body = json!({ "query": query }).to_string();
        let (status, answer) = server.send("POST", "/graphql", &token(Role::Manager), &body);
        assert_eq!(status, 200, "{answer}");
        assert!(answer.get("errors").is_none() && answer["extensions"].get("stale").is_none(), "{answer}");
        all.extend(answer["data"]["analytics"].as_object().unwrap().clone());
    }
    Value::from(all)
}

fn post(server: &Server, body: &str) -> Value {
    let (status, receipt) = server.send("POST", "/v1/events", &token(Role::Service), body);
    assert_eq!(status, 200, "{receipt}");
    receipt
}

/// Has a backup made and waits for it; its manifest.
fn back_up(server: &Server, label: &str) -> Value {
    let (status, begun) = server.send("POST", "/v1/backups", &token(Role::Admin), &json!({"label": label}).to_string());
    assert_eq!(status, 202, "{begun}");
    let path = format!("/v1/backups/{}", begun["name"].as_str().unwrap());
    let shown = server.until(&path, &token(Role::Admin), |_, answer| answer["state"] != "RUNNING");
    assert_eq!(shown["state"], "WHOLE", "{shown}");
    shown["manifest"].clone()
}

fn backup_in(directory: &Path, manifest: &Value) -> PathBuf {
    directory.join(manifest["name"].as_str().unwrap())
}

fn rows(manifest: &Value, table: &str) -> u64 {
    let tables = manifest["tables"].as_array().unwrap();
    tables.iter().find(|found| found["name"] == table).unwrap()["rows"].as_u64().unwrap()
}

#[test]
fn a_restored_store_has_every_event_acknowledged_before_and_the_same_figures_and_goes_on() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (first, second, third) = (parent.path().join("a"), parent.path().join("b"), parent.path().join("c"));
    let backups = parent.path().join("backups");
    let server = Server::start(&first, &[("RAPPORT_BACKUP_DIR", backups.to_str().unwrap())]);
    let bodies = bodies(1_200);
    let (before, after) = bodies.split_at(bodies.len() / 3);
    let accepted = |receipt: &Value| receipt["accepted"].as_u64().unwrap();
    let mut stored = before.iter().map(|body| accepted(&post(&server, body))).sum::<u64>();
    // One backup while events come in, and one when they have.
    let is_over = AtomicBool::new(false);
    let (under_load, (sent_by_then, stored_meanwhile)) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut client = Client::connect(server.address).unwrap();
            let (mut sent, mut stored) = (0, 0);
            for body in after {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let (status, receipt) = client.send("POST", "/v1/events", &token(Role::Service), body).unwrap();
                assert_eq!(status, 200, "{receipt}");
                sent += 1;
                stored += accepted(&receipt);
            }
            (sent, stored)
        });
        let manifest = back_up(&server, "under-load");
        is_over.store(true, Ordering::Relaxed);
        (manifest, sending.join().unwrap())
    });
    stored += stored_meanwhile;
    for body in &after[sent_by_then..] {
        stored += accepted(&post(&server, body));
    }
    let expected = figures(&server);
    let began = Instant::now();
    let quiet = back_up(&server, "quiet");
    println!(
        "quiet: held {} ms, {} bytes in {} files, {:?} in all",
        quiet["heldMilliseconds"],
        quiet["bytes"],
        quiet["files"],
        began.elapsed()
    );
    println!("under load: held {} ms, {} bodies meanwhile", under_load["heldMilliseconds"], sent_by_then);
    assert_eq!(rows(&quiet, "events"), stored);
    // Nothing is left of what was frozen.
    let frozen =
        fs::read_dir(first.join("chdb/shadow")).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(frozen.count(), 0);

    // A command does not take it from the server, and says what to do.
    let refused = run(&first, &["backup", "--directory", backups.to_str().unwrap()]);
    let text = told(&refused);
    assert!(
        !refused.status.success() && text.contains("curl -X POST http://") && text.contains("/v1/backups"),
        "{text}"
    );
    drop(server);

    let restored = run(&second, &["restore", backup_in(&backups, &quiet).to_str().unwrap()]);
    println!("{}", told(&restored));
    assert!(restored.status.success(), "{}", told(&restored));
    let server = Server::start(&second, &[]);
    assert_eq!(figures(&server), expected);
    // A restored store is a store like any other: it knows what it has, and takes and derives what is new.
    for body in &bodies {
        assert_eq!(post(&server, body)["accepted"], 0);
    }
    assert_eq!(figures(&server), expected);
    let new = r#"{"id":"new","kind":"message.received","at":"2026-02-25T09:00:00Z","channel":"WHATSAPP","account":"a","chat":"new","message":"n"}"#;
    assert_eq!(post(&server, new)["accepted"], 1);
    let count = |figures: &Value| figures["activity"]["total"]["messages"].as_u64().unwrap();
    assert_eq!(count(&figures(&server)), count(&expected) + 1);
    drop(server);

    // What was acknowledged before the other one was begun is known; what came later is taken as new, and all is the same.
    let restored = run(&third, &["restore", backup_in(&backups, &under_load).to_str().unwrap()]);
    assert!(restored.status.success(), "{}", told(&restored));
    let server = Server::start(&third, &[]);
    for body in before {
        assert_eq!(post(&server, body)["accepted"], 0);
    }
    for body in after {
        post(&server, body);
    }
    assert_eq!(figures(&server), expected);
    assert!(server.stop());
}

#[test]
fn a_command_backs_up_what_no_server_has_and_damage_is_found_before_anything_looks_restored() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (data, target, backups) = (parent.path().join("a"), parent.path().join("b"), parent.path().join("backups"));
    let events = parent.path().join("events.ndjson");
    fs::write(&events, bodies(300).join("\n")).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let ingested = run(&data, &["ingest", &path(&events), "--tenant", "acme"]);
    assert!(ingested.status.success(), "{}", told(&ingested));
    let made = run(&data, &["backup", "--directory", &path(&backups), "--label", "by-hand"]);
    assert!(made.status.success(), "{}", told(&made));
    let backup = PathBuf::from(String::from_utf8_lossy(&made.stdout).lines().next().unwrap());
    assert!(path(&backup).ends_with("-by-hand"), "{}", told(&made));
    let verified = run(&target, &["restore", &path(&backup), "--verify"]);
    assert!(verified.status.success() && !target.exists(), "{}", told(&verified));
    // The list is one that others read too.
    let mut checked = std::process::Command::new("sha256sum");
    checked.args(["--check", "--quiet", "files.sha256"]).current_dir(&backup);
    assert!(checked.status().unwrap().success());

    // A directory with anything in it is left alone.
    let full = run(&data, &["restore", &path(&backup)]);
    assert!(!full.status.success() && told(&full).contains("is not empty"), "{}", told(&full));

    let part = fs::read_dir(backup.join("tables/events")).unwrap().next().unwrap().unwrap().path();
    let file = part.join("data.bin");
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&file, &flipped).unwrap();
    for arguments in [&["--verify"][..], &[]] {
        let refused = run(&target, &[&["restore", &path(&backup)], arguments].concat());
        let text = told(&refused);
        assert!(!refused.status.success() && text.contains("data.bin is not what was written"), "{text}");
    }
    assert!(!target.join("chdb").exists(), "what was begun is gone");
    fs::write(&file, &whole).unwrap();

    // One that is broken off is no store for anybody.
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join("restore-unfinished"), "").unwrap();
    for arguments in [&["migrate"][..], &["restore", &path(&backup)]] {
        let refused = run(&target, arguments);
        assert!(!refused.status.success() && told(&refused).contains("broken off"), "{}", told(&refused));
    }
    fs::remove_file(target.join("restore-unfinished")).unwrap();
    let restored = run(&target, &["restore", &path(&backup)]);
    assert!(restored.status.success(), "{}", told(&restored));
}

#[test]
fn only_who_runs_the_server_asks_for_a_backup_and_a_name_leads_nowhere() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let backups = parent.path().join("backups");
    let server = Server::start(&parent.path().join("a"), &[("RAPPORT_BACKUP_DIR", backups.to_str().unwrap())]);
    for role in [Role::Manager, Role::Service] {
        assert_eq!(server.send("POST", "/v1/backups", &token(role), "").0, 403);
        assert_eq!(server.send("GET", "/v1/backups/20260301T120000Z", &token(role), "").0, 403);
    }
    let admin = token(Role::Admin);
    assert_eq!(server.send("POST", "/v1/backups", "", "").0, 401);
    for body in [r#"{"label":"../x"}"#, r#"{"directory":"/etc"}"#, "nothing", r#"{"label":""}"#] {
        assert_eq!(server.send("POST", "/v1/backups", &admin, body).0, 400, "{body}");
    }
    for name in ["20260301T120000Z", "..%2f..", "%00", ".", "a.b"] {
        assert_eq!(server.send("GET", &format!("/v1/backups/{name}"), &admin, "").0, 404, "{name}");
    }
    assert!(!backups.exists());
    // Somebody has to look before there are more of them than there is room for.
    for second in 0..100 {
        fs::create_dir_all(backups.join(format!("20260301T12{:02}{:02}Z", second / 60, second % 60))).unwrap();
    }
    let (status, full) = server.send("POST", "/v1/backups", &admin, "");
    assert!(status == 400 && full.to_string().contains("has 100"), "{full}");
    fs::remove_dir_all(&backups).unwrap();
    // Each has cost a hundred points of the 1,200 of a minute.
    let statuses: Vec<u16> = (0..12).map(|_| server.send("POST", "/v1/backups", &admin, "nothing").0).collect();
    assert!(statuses.first() == Some(&400) && statuses.last() == Some(&429), "{statuses:?}");
    drop(server);
    // Where nothing can be written, the backup fails and the server does not.
    fs::write(&backups, "a file").unwrap();
    let server = Server::start(&parent.path().join("a"), &[("RAPPORT_BACKUP_DIR", backups.to_str().unwrap())]);
    let (_, begun) = server.send("POST", "/v1/backups", &admin, "");
    let path = format!("/v1/backups/{}", begun["name"].as_str().unwrap());
    let failed = server.until(&path, &admin, |_, answer| answer["state"] != "RUNNING");
    assert!(failed["state"] == "FAILED" && failed["reason"].as_str().unwrap().contains("cannot be"), "{failed}");
    post(&server, &bodies(40)[0]);
    drop(server);
    let server = Server::start(&parent.path().join("a"), &[]);
    let (status, answer) = server.send("POST", "/v1/backups", &admin, "");
    assert!(status == 404 && answer.to_string().contains("RAPPORT_BACKUP_DIR"), "{answer}");
    // Nor does a command know where to.
    let refused = command(&parent.path().join("c"), &["backup"]).output().unwrap();
    assert!(told(&refused).contains("RAPPORT_BACKUP_DIR"), "{}", told(&refused));
}

#[test]
fn a_part_that_is_damaged_is_put_aside_and_told_and_the_rest_answers() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = parent.path().join("a");
    let events = parent.path().join("events.ndjson");
    fs::write(&events, bodies(300).join("\n")).unwrap();
    let ingested = run(&data, &["ingest", events.to_str().unwrap(), "--tenant", "acme"]);
    assert!(ingested.status.success(), "{}", told(&ingested));
    assert!(told(&run(&data, &["doctor"])).contains("none is damaged"));
    // The parts of the largest table lose the end of a file that the engine reads when it starts.
    let find = |name: &str| {
        let found =
            std::process::Command::new("find").arg(data.join("chdb/store")).args(["-name", name]).output().unwrap();
        let text = String::from_utf8(found.stdout).unwrap();
        text.lines().map(PathBuf::from).collect::<Vec<_>>()
    };
    let mut damaged = 0;
    for columns in find("columns.txt") {
        // Only `events` has the version of the clock and the text of a consent.
        let text = fs::read_to_string(&columns).unwrap();
        if text.contains("`consent_text_version`") {
            let sums = columns.with_file_name("checksums.txt");
            let whole = fs::read(&sums).unwrap();
            fs::write(&sums, &whole[..whole.len() / 2]).unwrap();
            damaged += 1;
        }
    }
    assert!(0 < damaged);
    let doctor = run(&data, &["doctor"]);
    let text = told(&doctor);
    assert!(
        !doctor.status.success() && text.contains("WRONG  parts") && text.contains("of events (broken-on-start)"),
        "{text}"
    );
    let metrics_token = "0123456789abcdef0123456789abcdef";
    let server = Server::start(&data, &[("RAPPORT_METRICS_TOKEN", metrics_token)]);
    assert!(figures(&server)["activity"]["total"]["messages"].as_u64().unwrap() > 0);
    let (_, metrics) = server.send("GET", "/metrics", metrics_token, "");
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains(r#"rapport_engine_detached_parts{table="events",reason="broken-on-start"}"#), "{metrics}");
    // What is missing is taken as new, and nothing counts twice.
    let before = figures(&server);
    for body in bodies(300) {
        post(&server, &body);
    }
    assert_eq!(figures(&server), before);
}
