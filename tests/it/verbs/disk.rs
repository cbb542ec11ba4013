//! `phoenix doctor` beside a disk that is really full: a file system of its own, which nobody else sees.

use std::path::Path;
use std::process::{Command, Stdio};

use phoenix_testkit::nats;
use phoenix_testkit::worker::{Start, Worker};
use serde_json::Value;
use tempfile::TempDir;

use super::doctor::{checks, text};
use crate::program::{Ended, phoenix_program};

/// Makes a folder a file system of 32 MiB of which 31 are taken, and then is another program.
const FULL: &str = r#"set -e; at=$1; shift
mount -t tmpfs -o size=32m none "$at"
head -c 32505856 /dev/zero >"$at/taken"
exec "$@""#;
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs something in the place of this test, and returns what it said.
fn run(words: &[&str]) -> Ended {
    let (program, arguments) = words.split_first().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the programs under test are processes")]
    let ended = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ended { code: ended.status.code().unwrap(), out: text(&ended.stdout), err: text(&ended.stderr) }
}

/// Returns the line about the disk of a folder.
fn of_disk(ended: &Ended, folder: &Path) -> Value {
    let is_it = |line: &Value| {
        let found = text(line, "found").unwrap_or_default();
        text(line, "check") == Some("disk") && found.contains(&format!("of {}", folder.display()))
    };
    let lines = checks(ended);
    lines.iter().find(|line| is_it(line)).unwrap_or_else(|| panic!("{lines:#?}")).clone()
}

/// Fails unless a line says that the disk is full, and what to type about it.
fn assert_is_full(line: &Value) {
    assert_eq!(text(line, "sign"), Some("wrong"), "{line}");
    let found = text(line, "found").unwrap();
    assert!(found.contains("% is taken, 31 MiB of 32 MiB"), "{line}");
    assert!(text(line, "remedy").unwrap().starts_with("du -xh --max-depth=1 /"), "{line}");
}

#[test]
fn a_full_disk_below_what_the_worker_keeps_is_told_with_what_to_type() {
    let folder = TempDir::new().unwrap();
    let (own, phoenix) = (folder.path().to_str().unwrap(), phoenix_program());
    let nowhere = ["--nats-url", "nats://127.0.0.1:1"];
    let words = ["unshare", "--mount", "sh", "-c", FULL, "sh", own, phoenix.to_str().unwrap()];
    let doctor = ["doctor", "-o", "json", "--state-dir", own];

    let ended = run(&[&words[..], &doctor, &nowhere].concat());

    assert_is_full(&of_disk(&ended, folder.path()));
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn a_full_disk_below_what_nats_keeps_is_told_where_its_monitoring_says_where_that_is() {
    let (folder, logs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let own = folder.path().to_str().unwrap();
    let server = nats::program();
    let words = ["--mount", "sh", "-c", FULL, "sh", own, server.to_str().unwrap()];
    let server = Start::new(Path::new("unshare"), &logs.path().join("nats"))
        .told("PATH", PATH)
        .with(&words)
        .with(&["--jetstream", "--store_dir", own])
        .with(&["--addr", "127.0.0.1", "--port", "-1", "--http_port", "-1"])
        .go();
    let at = said(&server, "Listening for client connections on ");
    let monitor = format!("http://{}", said(&server, "Starting http monitor on "));
    let (pid, phoenix) = (server.pid().to_string(), phoenix_program());
    let beside = ["nsenter", "--mount", "--target", &pid, phoenix.to_str().unwrap()];
    let doctor = ["doctor", "-o", "json", "--nats-url", &at, "--nats-monitor", &monitor];

    let ended = run(&[&beside[..], &doctor].concat());

    assert_is_full(&of_disk(&ended, folder.path()));
}

/// Waits until a server says this, and returns what follows.
fn said(server: &Worker, words: &str) -> String {
    loop {
        let log = server.log();
        let line = log.lines().find_map(|line| line.split_once(words));
        if let Some((_, rest)) = line {
            return rest.trim().to_owned();
        }
        std::thread::yield_now();
    }
}
