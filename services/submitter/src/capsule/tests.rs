use chrono::TimeDelta;
use phoenix_bus::{Drain, HostReport, Line};
use phoenix_domain::{Drifted, ReturnBegun, StepFailed, StepTaken};

use super::*;
use crate::asking::tests::{
    asked, asked_again, claimed, completed, dead, failed, guest, report, stepped, then, time,
    waiting, wanted,
};
use crate::asking::{self, Asking};
use crate::states::States;

/// What is behind a guest that is given up: it was complete, was asked for otherwise, and failed.
fn story(vmid: u32) -> Vec<Event> {
    let first = asked(vmid, "r-0001");
    let complete = completed(&stepped(&claimed(&first)));
    let again = asked_again(&complete, 1024);
    let taken = claimed(&again);
    let said = vec!["Unpacking nginx (1.22-9) over (1.22-8) ...".to_owned()];
    let (changes, took_ms) = (vec!["set memory to 1024 MiB".to_owned()], 1200);
    let (step, phase) = (taken.state.work.way[0], taken.state.work.phase);
    let stepped = then(&taken, StepTaken { step, phase, changes, took_ms, said });
    let failed = failed(&stepped);
    let waits = waiting(&failed);
    let second = claimed(&waits);
    let failed_again = self::failed(&second);
    let last = dead(&failed_again);
    let events =
        [first, complete, again, taken, stepped, failed, waits, second, failed_again, last];
    let after = [0, 60, 600, 610, 620, 630, 630, 700, 720, 725];
    let at = events.into_iter().zip(after);
    at.map(|(event, after)| Event { time: time() + TimeDelta::seconds(after), ..event }).collect()
}

/// Returns a guest that failed at the same step before, and was completed then.
fn neighbour() -> Vec<Event> {
    let failed = failed(&stepped(&claimed(&asked(902, "r-0001"))));
    let done = completed(&claimed(&waiting(&failed)));
    let ago = |event, minutes| Event { time: time() - TimeDelta::minutes(minutes), ..event };
    vec![ago(failed, 90), ago(done, 80)]
}

fn capsule_of(history: &[Event], hosts: &[HostReport], past: Vec<Event>) -> Capsule {
    capsule_among(history, hosts, past, Vec::new())
}

fn capsule_among(
    history: &[Event],
    hosts: &[HostReport],
    past: Vec<Event>,
    letters: Vec<Filed>,
) -> Capsule {
    let last = history.last().unwrap();
    let states = States::of([last.clone()]);
    let around =
        Around { states: &states, hosts: Some(hosts), now: time() + TimeDelta::minutes(20) };
    let material = Material { around, past, letters, incidents: Vec::new(), seen: Vec::new() };
    Capsule::of(&last.state, history, &material)
}

fn failing() -> Capsule {
    let host = HostReport {
        started: time() + TimeDelta::minutes(5),
        ..report("pve1", time() + TimeDelta::minutes(20))
    };
    let history = story(901);
    let past = history.iter().filter(|event| similar::is_of_interest(&event.fact)).cloned();
    let past = neighbour().into_iter().chain(past).collect();
    capsule_of(&history, &[host], past)
}

#[test]
fn a_guest_that_was_given_up_is_explained_in_one_piece() {
    insta::assert_snapshot!(failing().text());
}

#[test]
fn a_ticket_gets_the_same() {
    insta::assert_snapshot!(failing().markdown());
}

#[test]
fn programs_get_the_same() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&failing()).unwrap());
}

#[test]
fn of_a_guest_that_is_well_there_are_three_lines() {
    let complete = &story(901)[..2];
    let capsule = capsule_of(complete, &[], Vec::new());
    assert!(capsule.is_well());
    insta::assert_snapshot!(capsule.text());
    assert_eq!(capsule.markdown().lines().count(), 3);
}

#[test]
fn a_guest_that_nobody_goes_on_with_is_not_well() {
    let history = [asked(901, "r-0001"), claimed(&asked(901, "r-0001"))];
    let now = time() + TimeDelta::minutes(20);
    let drain = Drain { by: "ann".to_owned(), why: None, since: time() };
    let drained = HostReport { drained: Some(drain), ..report("pve1", now) };
    let capsules = [
        capsule_of(&history, &[drained], Vec::new()),
        capsule_of(&history, &[report("pve1", time())], Vec::new()),
        capsule_of(&history, &[report("pve1", now)], Vec::new()),
    ];

    let told = capsules.map(|one| {
        let next = one.text().lines().filter(|line| line.contains("next")).collect::<String>();
        (one.is_well(), next)
    });

    insta::assert_debug_snapshot!(told);
}

/// What is behind a guest that was asked for otherwise, failed, and is again what it was.
fn went_back() -> Vec<Event> {
    let complete = completed(&stepped(&claimed(&asked(901, "r-0001"))));
    let safely = Asking {
        run: "r-0002".parse().unwrap(),
        by: "kim@desk".to_owned(),
        trusts_log: false,
        hold_s: Some(60),
    };
    let again =
        then(&complete, asking::request(&wanted(901, 1024), &safely, Some(&complete.state)));
    let failed = failed(&stepped(&claimed(&again)));
    let begun = ReturnBegun { why: "it does not answer".to_owned(), letter: 8 };
    let back = then(&failed, begun);
    let done = completed(&claimed(&back));
    vec![complete, again.clone(), claimed(&again), failed, back.clone(), claimed(&back), done]
}

#[test]
fn of_a_guest_that_went_back_it_is_told_what_it_went_back_from() {
    let text = capsule_of(&went_back(), &[], Vec::new()).text();

    assert!(text.contains("  wanted  memory: 512 -> 1024\n"), "{text}");
    assert!(
        text.contains("  back    at 2027-01-15T08:00:00Z: it is wanted again as it was\n"),
        "{text}"
    );
}

#[test]
fn how_long_an_attempt_took_is_told_once() {
    let text = capsule_of(&went_back(), &[], Vec::new()).text();

    let done = text.lines().find(|line| line.contains("  completed, ")).unwrap();
    assert_eq!(done.matches(" ms)").count() + done.matches(" s)").count(), 1, "{text}");
}

#[test]
fn a_driver_that_is_another_one_since_is_told() {
    let first = asked(901, "r-0001");
    let under = |before: &Event, driver: &str| {
        let mut event = claimed(before);
        let Fact::Claimed(claimed) = &mut event.fact else { panic!("{event:?}") };
        claimed.tools.insert("nvidia".to_owned(), driver.to_owned());
        claimed.tools.insert("linux".to_owned(), "6.8.12".to_owned());
        event
    };
    let old = under(&first, "550.54");
    let complete = completed(&old);
    let again = asked_again(&complete, 1024);
    let new = under(&again, "570.86");
    let last = failed(&new);
    let history = [first, old, complete, again, new, last];

    let by_claims = capsule_of(&history, &[], Vec::new()).text();
    let mut host = report("pve1", time());
    host.inventory = serde_json::json!({ "tools": { "nvidia": "580.1" } });
    let by_report = capsule_of(&history, &[host], Vec::new()).text();

    assert!(by_claims.contains("nvidia 550.54 -> 570.86"), "{by_claims}");
    assert!(!by_claims.contains("linux"), "{by_claims}");
    assert!(by_report.contains("nvidia 550.54 -> 580.1"), "{by_report}");
}

#[test]
fn what_fails_is_told_before_an_incident_is_open_with_what_comes_next() {
    let history = &story(901)[..2];
    let states = States::of([history[1].clone()]);
    let now = time() + TimeDelta::minutes(20);
    let (failed, looked) = (now - TimeDelta::seconds(20), now + TimeDelta::seconds(10));
    let seen: Seen = serde_json::from_value(serde_json::json!({
        "guest": "lxc-901", "name": "guest-901", "host": "pve1",
        "probes": [[
            { "name": "nginx", "ask": { "type": "tcp", "port": 80 } },
            { "is": "failed", "because": "exited" }, failed,
        ]],
        "evidence": { "nginx": {
            "asked": "GET http://10.0.0.5/", "came": "nobody listens", "took_ms": 1,
            "excerpt": "one\nPASSWORD=c4nary\n\n",
        } },
        "next": { "action": "look", "at": looked, "why": "an incident is opened unless it serves by then" },
    }))
    .unwrap();
    let around = Around { states: &states, hosts: Some(&[]), now };
    let material = Material {
        around,
        past: Vec::new(),
        letters: Vec::new(),
        incidents: Vec::new(),
        seen: vec![seen],
    };

    let text = Capsule::of(&history[1].state, history, &material).text();

    insta::assert_snapshot!(text);
}

#[test]
fn a_guest_that_drifted_is_not_well() {
    let mut history = story(901)[..2].to_vec();
    let drifted = Drifted { changes: vec!["set memory to 512 MiB".to_owned()], addresses: None };
    history.push(then(&history[1], drifted));
    let text = capsule_of(&history, &[], Vec::new()).text();
    assert!(text.contains("what is otherwise than wanted:\n  set memory to 512 MiB"), "{text}");
    assert!(text.contains("`phoenix submit 901` mends it"), "{text}");
}

/// Fails with this printed.
fn printed(output: &str) -> Vec<Event> {
    let mut history = story(901)[..5].to_vec();
    let like = failed(&history[4]);
    let Fact::StepFailed(StepFailed { mut failure }) = like.fact else { panic!("{like:?}") };
    failure.what =
        format!("`setup.sh` ended with 1: {}", output.lines().next().unwrap_or_default());
    failure.output = Some(output.to_owned());
    history.push(then(&history[4], StepFailed { failure }));
    history
}

#[test]
fn no_secret_that_a_script_printed_is_told_on() {
    let secrets = ["ghp_abcdefghij1234567890abcdefghijKLMN", "s3cr3t-canary", "c4nary-key"];
    let output = format!(
        "cloning with {}\nexport API_TOKEN=\u{1b}[31m{}\u{1b}[0m\n-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n",
        secrets[0], secrets[1], secrets[2]
    );
    let only_two = output.split("-----").next().unwrap();
    for output in [&*output, only_two] {
        let capsule = capsule_of(&printed(output), &[], Vec::new());
        let json = serde_json::to_string(&capsule).unwrap();
        for text in [capsule.text(), capsule.markdown(), json] {
            assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
            assert!(text.contains("********"), "{text}");
        }
    }
}

#[test]
fn what_a_script_printed_neither_moves_the_cursor_nor_ends_the_block_of_a_ticket() {
    let capsule = capsule_of(&printed("a\u{1b}[2J\u{7}b\n````\n# done\n"), &[], Vec::new());
    let (text, ticket) = (capsule.text(), capsule.markdown());
    assert!(!text.contains(['\u{1b}', '\u{7}']) && text.contains("ab\n"), "{text}");
    let fences = ticket.lines().filter(|line| line.starts_with("`````")).count();
    assert_eq!(fences, 2, "{ticket}");
}

#[test]
fn a_guest_that_waits_for_another_one_says_for_which_and_what_to_look_at() {
    let blocked = crate::asking::tests::site().into_iter().nth(4).unwrap();
    insta::assert_snapshot!(capsule_of(&[blocked], &[], Vec::new()).text());
}

#[test]
fn a_letter_tells_of_failures_whose_log_is_gone() {
    let gone = dead(&failed(&claimed(&asked(903, "r-0001")))).state;
    let letter = phoenix_bus::DeadLetter {
        version: 1,
        time: time() - TimeDelta::days(1),
        guest: Some(guest(903)),
        cause: "tried 8 times".to_owned(),
        attempts: 8,
        failure: gone.work.failure.clone(),
        state: Some(gone),
        story: Vec::<Line>::new(),
        original: None,
    };
    let filed = vec![Filed { seq: 3, letter: Ok(letter) }];
    let capsule = capsule_among(&story(901), &[], neighbour(), filed);
    let similar: Vec<_> =
        capsule.similar.iter().map(|one| (one.guest, one.times, one.ended.as_deref())).collect();
    let expected =
        [(guest(903), 8, "it was given up"), (guest(902), 1, "it was completed 10 min 0 s later")]
            .map(|(guest, times, ended)| (guest, times, Some(ended)));
    assert_eq!(similar, expected);
}
