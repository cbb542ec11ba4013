//! Files that are no config at all: each is a plain error with a place, and never a panic.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::program::{Ended, phoenix};

const HOST: &str = "phoenix_hypervisor_config.json";
const LXC: &str = "phoenix_lxc_configs.json";

/// Checks a folder whose file of containers has these bytes.
fn containers(bytes: &[u8]) -> Ended {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(HOST), "{}").unwrap();
    fs::write(folder.path().join(LXC), bytes).unwrap();
    check(folder.path())
}

fn check(folder: &Path) -> Ended {
    phoenix(folder, &["check", "--config", "."])
}

#[track_caller]
fn says(ended: &Ended, code: &str, texts: &[&str]) {
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.out.contains(code), "{code} is not in:\n{}", ended.out);
    for text in texts {
        assert!(ended.out.contains(text), "`{text}` is not in:\n{}", ended.out);
    }
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[test]
fn a_missing_file_is_named_with_the_folder() {
    let folder = TempDir::new().unwrap();
    says(&check(folder.path()), "PHX0001", &[HOST, LXC, "--config DIR"]);
}

#[test]
fn a_directory_in_the_place_of_a_file_is_one() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(HOST), "{}").unwrap();
    fs::create_dir(folder.path().join(LXC)).unwrap();
    says(&check(folder.path()), "PHX0001", &["is a directory"]);
}

#[test]
fn an_empty_file_is_no_config() {
    says(&containers(b""), "PHX0003", &["is empty"]);
    says(&containers(b" \n\t\n"), "PHX0003", &["is empty"]);
}

#[test]
fn what_is_no_text_is_told_with_its_line() {
    says(&containers(b"{\n\"a\": \"\xff\"}"), "PHX0002", &["line 2"]);
    says(&containers(b"\xef\xbb\xbf{}"), "PHX0002", &["byte order mark"]);
}

#[test]
fn a_key_written_twice_is_shown_twice() {
    let twice =
        b"{\"lxc_configs\": {\"900\": {\n \"name\": \"a\", \"cores\": 1,\n \"cores\": 2 }}}";
    says(&containers(twice), "PHX0005", &["`cores`", ":3:2", "the first time"]);
}

#[test]
fn a_number_beyond_all_numbers_is_told_with_its_place() {
    let beyond = b"{\"lxc_configs\": {\"900\": {\n \"name\": \"a\",\n \"cores\": 1e400 }}}";
    says(&containers(beyond), "PHX0004", &["number out of range", ":3:"]);
}

#[test]
fn a_file_that_breaks_off_is_told_where() {
    says(&containers(b"{\"lxc_configs\": {\n\"900\": {"), "PHX0004", &[":2:", "never closed"]);
    says(&containers(b"{\"lxc_configs\": {},}"), "PHX0004", &["a comma behind", ":1:19"]);
    says(
        &containers(b"{\"lxc_configs\": {\"900\": {\"cores\": 2,\n\n}}}"),
        "PHX0004",
        &["a comma behind", ":1:36"],
    );
    says(&containers(b"{'a': 1}"), "PHX0004", &["double quotes"]);
    says(&containers(b"// nothing but this"), "PHX0004", &["nothing in this file but comments"]);
    says(&containers(b"[]"), "PHX0004", &[":1:1"]);
}

#[test]
fn deep_nesting_is_an_error_and_not_the_end_of_the_stack() {
    let deep = format!(
        "{{\"lxc_configs\": {{\"900\": {{\"name\": \"a\", \"features\": {}1{}}}}}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    says(&containers(deep.as_bytes()), "PHX0004", &["recursion limit"]);
    says(&containers("[".repeat(100_000).as_bytes()), "PHX0004", &[":1:"]);
}

#[test]
fn a_huge_file_of_one_line_is_shown_in_part() {
    let name = "x".repeat(50 * 1024 * 1024);
    let huge = format!("{{\"lxc_configs\": {{\"900\": {{\"cores\": \"{name}\", \"name\": 1}}}}}}");

    let ended = containers(huge.as_bytes());

    says(&ended, "PHX0006", &["`cores`", "`name`"]);
    assert!(ended.out.len() < 10_000, "{} bytes were shown", ended.out.len());
}

#[test]
fn every_mistake_of_every_guest_is_told_in_one_run() {
    let wrong = br#"{"lxc_configs": {
        "900": { "name": 1, "memory_mb": "a lot", "cores": 2.5, "network_config": { "ip": 7 } },
        "901": { "name": "web_1", "template": "x", "storage_pool": "tank-lxc", "storage_size_gb": 8 }
    }}"#;
    says(
        &containers(wrong),
        "PHX0006",
        &["`name`", "`memory_mb`", "`cores`", "`network_config.ip`", "PHX0007", "PHX0008", "web_1"],
    );
}

#[test]
fn comments_are_no_mistake() {
    let commented = b"// all\n{ /* none */ \"lxc_configs\": {} }";
    let ended = containers(commented);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("PHX0013"), "{}", ended.out);
}

#[test]
fn whoever_asks_for_a_guest_of_a_file_that_is_broken_is_told_of_the_file() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(HOST), "{}").unwrap();
    fs::write(folder.path().join(LXC), b"{\"lxc_configs\": {\n},}").unwrap();

    for args in [&["plan", "950"][..], &["submit", "950"], &["secrets", "check", "950"]] {
        let ended = phoenix(folder.path(), args);

        assert_eq!(ended.code, 3, "{args:?}: {ended:?}");
        assert!(ended.err.contains("PHX0004"), "{args:?}: {ended:?}");
        assert!(ended.err.contains("phoenix check"), "{args:?}: {ended:?}");
    }
}
