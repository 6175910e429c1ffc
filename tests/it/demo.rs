//! The program as a user runs it: `rapport demo`, the printed request, Ctrl-C, and a second start.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::engine::library;

fn start(data_dir: &Path, messages: u32) -> Child {
    Command::new(env!("CARGO_BIN_EXE_rapport"))
        .args(["demo", "--messages", &messages.to_string()])
        // Relative, as the default is.
        .current_dir(data_dir)
        .env("RAPPORT_DATA_DIR", "./data")
        .env("RAPPORT_LISTEN", "127.0.0.1:0")
        .env("RAPPORT_ENGINE_LIBRARY", library())
        .env_remove("RAPPORT_JWT_SECRET")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// What it prints up to the line that begins so.
fn read_until(output: &mut impl BufRead, start: &str) -> String {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended after: {text}");
        text.push_str(&line);
        if line.starts_with(start) {
            return text;
        }
    }
}

fn interrupt(child: &Child) {
    let status = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(status.success());
}

/// Does what the printed `curl` does.
fn send_printed_request(printed: &str) -> Value {
    let between = |start: &str, end: &str| -> String {
        let rest = printed.split_once(start).unwrap_or_else(|| panic!("no {start} in {printed}")).1;
        rest.split_once(end).unwrap().0.to_owned()
    };
    let address = between("curl -s http://", "/graphql");
    let authorization = between("-H 'Authorization: ", "'");
    let body = between("-d '", "'\n");
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn the_demonstration_fills_answers_ends_and_keeps_its_data() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut outbound = Vec::new();
    for (round, expect) in ["events accepted", "they are kept"].into_iter().enumerate() {
        let mut child = start(directory.path(), 3_000);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let printed = read_until(&mut output, "Ctrl-C");
        assert!(printed.contains(expect), "{round}: {printed}");
        assert_eq!(printed.contains("Business hours are set"), round == 0, "{printed}");
        let answer = send_printed_request(&printed);
        assert!(answer.get("errors").is_none(), "{answer}");
        let total = &answer["data"]["analytics"]["delivery"]["total"];
        assert!(total["rate"].as_f64().unwrap() > 0.5, "{answer}");
        outbound.push(total["outbound"].as_u64().unwrap());
        interrupt(&child);
        assert!(child.wait().unwrap().success());
    }
    // The last 30 days moved by seconds between the two.
    assert!(100 < outbound[0] && outbound[0].abs_diff(outbound[1]) < 10, "{outbound:?}");
}

#[test]
fn a_filling_that_was_cut_off_is_finished_by_the_next_start() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut child = start(directory.path(), 100_000);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    read_until(&mut output, "Filling the store");
    child.kill().unwrap();
    child.wait().unwrap();
    // What was being filled in is remembered; a smaller one finishes sooner.
    let mark = directory.path().join("data/demo-filling");
    let text = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, text.replace("100000", "3000")).unwrap();

    let mut child = start(directory.path(), 100_000);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let printed = read_until(&mut output, "Ctrl-C");
    assert!(printed.contains("finishing that"), "{printed}");
    assert!(!mark.exists());
    interrupt(&child);
    assert!(child.wait().unwrap().success());
}
