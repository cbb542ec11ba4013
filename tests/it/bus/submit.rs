//! `phoenix submit`, and what it tells while it follows.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::{fs, thread};

use serde_json::Value;

use super::site::Site;

#[test]
fn whoever_submits_what_is_being_worked_on_joins() {
    let site = Site::new();
    let run = site.submit("901");

    let again = site.phoenix(&["submit", "901", "--detach"]);

    assert_eq!((again.code, again.out.trim()), (0, run.as_str()), "{again:?}");
    assert_eq!(again.err.matches("already being worked on").count(), 2, "{again:?}");
}

#[test]
fn what_is_as_desired_is_not_asked_for_again() {
    let site = Site::new();
    site.submit("901");
    site.actor.complete("lxc-900");
    site.actor.complete("lxc-901");

    let again = site.phoenix(&["submit", "901"]);

    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.out.matches("already as desired (since ").count(), 2, "{again:?}");
}

#[test]
fn what_was_changed_is_asked_for_again_and_nothing_else() {
    let mut site = Site::new();
    let first = site.submit("901");
    site.actor.complete("lxc-900");
    site.actor.complete("lxc-901");
    site.change(1024);

    let second = site.submit("901");

    assert_ne!(first, second);
    let status = site.json(&["status", "900", "901"]);
    assert_eq!(
        (&status["guests"][0]["revision"], &status["guests"][1]["revision"]),
        (&1.into(), &2.into())
    );
}

#[test]
fn two_who_submit_at_once_share_what_both_stand_on() {
    let site = Site::new();
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| site.phoenix(&["submit", "901", "--detach"]));
        let other = scope.spawn(|| site.phoenix(&["submit", "902", "--detach"]));
        (one.join().unwrap(), other.join().unwrap())
    });

    assert_eq!((one.code, other.code), (0, 0), "{one:?} {other:?}");
    let status = site.json(&["status"]);
    let revisions: Vec<_> = status["guests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|guest| guest["revision"].clone())
        .collect();
    assert_eq!(revisions, [1, 1, 1], "nobody asked for anything twice");
}

#[test]
fn a_run_is_followed_to_its_end() {
    let site = Site::new();
    site.actor.report();
    let ended = thread::scope(|scope| {
        let followed = scope.spawn(|| site.phoenix(&["submit", "901"]));
        site.until_asked("901");
        site.actor.complete("lxc-900");
        site.actor.complete("lxc-901");
        followed.join().unwrap()
    });

    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.out.contains("1/3 ensure_container_defined: made container 900 (1.2 s)"),
        "{ended:?}"
    );
    assert!(ended.out.ends_with(": 1 completed; brought along: 1 completed\n"), "{ended:?}");
    assert!(!ended.err.contains("no worker"), "{ended:?}");
}

#[test]
fn whoever_follows_is_told_when_nobody_is_there_any_more() {
    let site = Site::new();
    site.actor.report();
    let mut followed = site.start(&["submit", "901"]);
    site.until_asked("901");

    site.actor.leave();

    let mut said = BufReader::new(followed.stderr.take().unwrap()).lines().map(Result::unwrap);
    let silence = said.find(|line| line.contains("the work waits")).unwrap();
    assert!(silence.contains("the worker of host pve1 was stopped at"), "{silence}");
    site.actor.complete("lxc-900");
    site.actor.complete("lxc-901");
    assert!(followed.wait().unwrap().success());
}

#[test]
fn events_are_told_as_cloud_events() {
    let site = Site::new();
    let ended = thread::scope(|scope| {
        let followed = scope.spawn(|| site.phoenix(&["submit", "900", "-o", "jsonl"]));
        site.until_asked("900");
        site.actor.complete("lxc-900");
        followed.join().unwrap()
    });

    assert_eq!(ended.code, 0, "{ended:?}");
    let kinds: Vec<_> = ended
        .out
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&event["specversion"], &event["subject"]),
                (&"1.0".into(), &"lxc-900".into())
            );
            event["type"].as_str().unwrap().to_owned()
        })
        .collect();
    let told = ["claimed", "step-taken", "completed"];
    assert_eq!(kinds, told.map(|kind| format!("dev.phoenix.guest.{kind}.v1")), "{ended:?}");
}

#[test]
fn what_failed_is_told_with_its_reason_and_what_to_type() {
    let site = Site::new();
    let ended = thread::scope(|scope| {
        let followed = scope.spawn(|| site.phoenix(&["submit", "901"]));
        site.until_asked("901");
        site.actor.give_up("lxc-900");
        followed.join().unwrap()
    });

    assert_eq!(ended.code, 9, "{ended:?}");
    for text in ["`pct set` ended with 255", "phoenix retry 900", "901 web is blocked by 900 base"]
    {
        assert!(ended.out.contains(text), "`{text}` is not in:\n{}", ended.out);
    }
}

#[test]
fn a_question_is_told_with_its_advice() {
    let site = Site::new();
    let ended = thread::scope(|scope| {
        let followed = scope.spawn(|| site.phoenix(&["submit", "900"]));
        site.until_asked("900");
        site.actor.ask_human("lxc-900");
        followed.join().unwrap()
    });

    assert_eq!(ended.code, 9, "{ended:?}");
    assert!(
        ended.out.contains("take it over?") && ended.out.contains("another number"),
        "{ended:?}"
    );
}

#[test]
fn whoever_waits_long_enough_is_told_that_the_run_goes_on() {
    let site = Site::new();

    let ended = site.phoenix(&["submit", "900", "--timeout", "1s"]);

    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.err.contains("no worker has been seen for host pve1"), "{ended:?}");
    assert!(ended.err.contains("continues; `phoenix follow r-"), "{ended:?}");
}

#[test]
fn ctrl_c_stops_watching_and_nothing_else() {
    let site = Site::new();
    let child = site.start(&["submit", "900"]);
    site.until_asked("900");
    until_it_follows(&child);

    Site::interrupt(&child);

    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.contains("continues") && err.contains("phoenix cancel r-"), "{err}");
    assert_eq!(site.json(&["status", "900"])["guests"][0]["state"], "requested");
}

#[test]
fn a_server_that_comes_back_is_followed_further() {
    let mut site = Site::new();
    let child = site.start(&["submit", "900"]);
    site.until_asked("900");
    until_it_follows(&child);
    site.server.restart();

    site.actor.complete("lxc-900");

    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// Waits until a program minds Ctrl-C itself: it does as soon as it follows.
fn until_it_follows(child: &Child) {
    const SIGINT: u64 = 1 << 1;
    let minds_it = || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & SIGINT != 0
    };
    while !minds_it() {
        thread::yield_now();
    }
}
