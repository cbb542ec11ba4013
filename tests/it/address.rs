//! Where NATS is, as it is typed: a mistake there is told as one, whichever program is started.

use std::path::Path;

use phoenix_testkit::worker::Start;
use tempfile::TempDir;

use crate::program::{phoenix_monitor, phoenix_program, phoenix_with, phoenix_worker};

/// Starts a program that refuses what it was told, and returns how it ended and what it said.
async fn refused(program: &Path, words: &[&str], told: (&str, &str)) -> (Option<i32>, String) {
    let folder = TempDir::new().unwrap();
    let start = Start::new(program, &folder.path().join("log")).with(words);
    let mut started = start.told(told.0, told.1).go();
    let status = started.ended().await;
    (status.code(), started.log())
}

#[tokio::test]
async fn what_is_no_address_of_nats_is_a_mistake_in_what_was_typed_and_says_what_one_looks_like() {
    let bad = "http://kim:s3cret@127.0.0.1:4222";
    let worker = ["--host", "simulated", "--node", "pve1"];
    for (program, words) in [
        (phoenix_program(), &["status"][..]),
        (phoenix_program(), &["serve"]),
        (phoenix_program(), &["doctor"]),
        (phoenix_worker(), &worker),
        (phoenix_monitor(), &[]),
    ] {
        let typed = [words, &["--nats-url", bad]].concat();
        let (usage, _) = refused(&program, &["--no-such-option"], ("A", "b")).await;
        for (words, told) in [
            (&typed[..], ("A", "b")),
            (words, ("NATS_URL", bad)),
            (words, ("PHOENIX_NATS_URL", bad)),
        ] {
            let (code, said) = refused(&program, words, told).await;

            assert_eq!(code, usage, "{words:?} {told:?}: {said}");
            let shown = "http://127.0.0.1:4222 is no address of NATS: one is `nats://HOST:4222`";
            assert!(said.contains(shown), "{words:?} {told:?}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}

#[test]
fn an_address_that_is_set_and_empty_is_none() {
    let folder = TempDir::new().unwrap();

    let ended = phoenix_with(folder.path(), &["status", "--nats-url", ""], &[("NATS_URL", "")]);

    assert!(!ended.err.contains("is no address"), "{ended:?}");
}
