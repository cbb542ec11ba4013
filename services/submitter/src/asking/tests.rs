//! What is asked of a guest, and records for whoever tests what is made of them.

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::HostReport;
use phoenix_domain::{
    Blocked, CancelRequested, Claim, Claimed, Completed, DeadLettered, Event, Failed, Failure,
    Obstacle, RetryWait, StepFailed, StepName, StepTaken, Verdict, WorkerName,
};

use super::*;

const WAY: [StepName; 3] =
    [StepName::EnsureContainerDefined, StepName::ApplyConfigurations, StepName::StartContainer];

/// Returns the time at which everything here happens.
pub(crate) fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn guest(vmid: u32) -> GuestKey {
    format!("lxc-{vmid}").parse().unwrap()
}

/// Returns what a worker says about its host.
pub(crate) fn report(host: &str, heard: DateTime<Utc>) -> HostReport {
    HostReport {
        host: host.parse().unwrap(),
        instance: "i".to_owned(),
        version: "0".to_owned(),
        started: time() - TimeDelta::hours(1),
        heard,
        is_leaving: false,
        busy: 0,
        inventory: serde_json::Value::Null,
    }
}

/// Returns a wish: 900 stands on nothing, 904 on 903, all others on 900.
pub(crate) fn wanted(vmid: u32, memory: u64) -> Wanted {
    let spec = phoenix_testkit::guest(vmid.into()).memory(memory).build();
    let below = match vmid {
        900 => None,
        904 => Some(guest(903)),
        _ => Some(guest(900)),
    };
    Wanted {
        guest: guest(vmid),
        name: spec.name.to_string(),
        host: "pve1".parse().unwrap(),
        class: Class::Std,
        cause: Cause::Submitted,
        digest: SpecDigest::of(&spec),
        stands_on: below.into_iter().collect(),
        spec: SpecText::of(&spec).unwrap(),
    }
}

fn asking(run: &str) -> Asking {
    Asking { run: run.parse().unwrap(), by: "kim@desk".to_owned(), trusts_log: false }
}

/// Returns the event with which a guest is asked for.
pub(crate) fn asked(vmid: u32, run: &str) -> Event {
    let fact = request(&wanted(vmid, 512), &asking(run), None);
    let state = Record::after(None, guest(vmid), &fact).unwrap();
    event(fact, state)
}

/// Returns the event that comes behind another one.
pub(crate) fn then(before: &Event, fact: impl Into<Fact>) -> Event {
    let fact = fact.into();
    let state = Record::after(Some(&before.state), before.state.guest, &fact).unwrap();
    event(fact, state)
}

fn event(fact: Fact, state: Record) -> Event {
    Event {
        id: "e".to_owned(),
        source: "//pve1/phoenix/worker".to_owned(),
        time: time(),
        traceparent: None,
        fact,
        state,
    }
}

pub(crate) fn claimed(before: &Event) -> Event {
    let worker = WorkerName { host: "pve1".parse().unwrap(), instance: "i".to_owned() };
    then(before, Claimed { claim: Claim { id: "c".to_owned(), worker }, way: WAY.to_vec() })
}

pub(crate) fn stepped(before: &Event) -> Event {
    let changes = vec!["made the container".to_owned(), "set its\u{1b}[2J name".to_owned()];
    let (step, phase) = (StepName::EnsureContainerDefined, Phase::Created);
    then(before, StepTaken { step, phase, changes, took_ms: 1234 })
}

pub(crate) fn completed(before: &Event) -> Event {
    then(before, Completed { changes: 2, took_ms: 65_000, addresses: Vec::new() })
}

pub(crate) fn failed(before: &Event) -> Event {
    let failure = Failure {
        step: Some(StepName::ApplyConfigurations),
        change: Some("set memory to 512 MiB".to_owned()),
        what: "`pct set` ended with 255".to_owned(),
        advice: Some("see whether the host has that much memory".to_owned()),
        output: Some("unable to parse 'memory'\n\u{1b}[31mnot enough".to_owned()),
        verdict: Verdict::Retry,
        at: time(),
    };
    then(before, StepFailed { failure })
}

pub(crate) fn waiting(before: &Event) -> Event {
    then(before, RetryWait { at: time() + TimeDelta::minutes(6), attempt: 2, of: 8 })
}

pub(crate) fn dead(before: &Event) -> Event {
    let given_up = then(before, Failed { why: "tried 8 times".to_owned() });
    then(&given_up, DeadLettered { letter: 12 })
}

pub(crate) fn question(before: &Event) -> Event {
    let question = "there is a container 902 that is not ours".to_owned();
    let advice = "give this guest another number".to_owned();
    then(before, Blocked { obstacle: Obstacle::Question { question, advice } })
}

/// Returns the last events of guests: 900 is complete, 901 is tried again, 902 waits for a human,
/// 903 is dead, 904 waits for it, and 905 for a worker.
pub(crate) fn site() -> Vec<Event> {
    let begun = |vmid| stepped(&claimed(&asked(vmid, "r-0001")));
    let by_903 = Obstacle::Guest { guest: guest(903), root: guest(903) };
    vec![
        completed(&begun(900)),
        waiting(&failed(&begun(901))),
        question(&claimed(&asked(902, "r-0001"))),
        dead(&failed(&begun(903))),
        then(&asked(904, "r-0001"), Blocked { obstacle: by_903 }),
        asked(905, "r-0002"),
    ]
}

#[test]
fn what_was_never_asked_for_is() {
    assert_eq!(on_submit(&wanted(901, 512), None), Answer::Ask);
    let Fact::Requested(asked) = request(&wanted(901, 512), &asking("r-0001"), None) else {
        panic!("it is a request")
    };
    assert_eq!(asked.desired.revision, 1);
}

#[test]
fn what_is_as_wanted_or_on_its_way_is_not_asked_for_again() {
    let asked = asked(901, "r-0001");
    let answer = |event: &Event| on_submit(&wanted(901, 512), Some(&event.state));

    assert_eq!(answer(&asked), Answer::Joined);
    let working = stepped(&claimed(&asked));
    assert_eq!(answer(&working), Answer::Joined);
    assert_eq!(answer(&waiting(&failed(&working))), Answer::Joined);
    assert_eq!(answer(&completed(&working)), Answer::AsDesired);
}

#[test]
fn what_ended_otherwise_is_asked_for_again() {
    let asked = asked(901, "r-0001");
    let working = claimed(&asked);
    let answer = |event: &Event| on_submit(&wanted(901, 512), Some(&event.state));

    assert_eq!(answer(&dead(&failed(&working))), Answer::Ask);
    assert_eq!(answer(&question(&working)), Answer::Ask);
    let by = || CancelRequested { by: "kim".to_owned() };
    assert_eq!(answer(&then(&asked, by())), Answer::Ask, "cancelled before anybody took it");
    assert_eq!(answer(&then(&working, by())), Answer::Ask, "its worker is about to stop");
}

#[test]
fn another_spec_is_asked_for_whatever_is_going_on() {
    let working = claimed(&asked(901, "r-0001"));
    for event in [&working, &completed(&working)] {
        assert_eq!(on_submit(&wanted(901, 1024), Some(&event.state)), Answer::Ask);
    }
    let fact = request(&wanted(901, 1024), &asking("r-0002"), Some(&working.state));
    assert_eq!(then(&working, fact).state.desired.revision, 2);
}

#[test]
fn no_guest_is_moved() {
    let elsewhere = Wanted { host: "pve2".parse().unwrap(), ..wanted(901, 512) };
    let asked = asked(901, "r-0001");
    let lives = Answer::LivesElsewhere("pve1".parse().unwrap());

    assert_eq!(on_submit(&elsewhere, Some(&asked.state)), Answer::Ask, "nothing is there yet");
    assert_eq!(on_submit(&elsewhere, Some(&claimed(&asked).state)), lives);
    assert_eq!(on_submit(&elsewhere, Some(&stepped(&claimed(&asked)).state)), lives);
}

#[test]
fn a_retry_leaves_those_alone_who_are_at_it() {
    let asked = asked(901, "r-0001");
    let working = claimed(&asked);

    assert_eq!(on_retry(&working.state), Answer::Joined);
    assert_eq!(on_retry(&asked.state), Answer::Joined);
    for event in
        [waiting(&failed(&working)), dead(&working), question(&working), completed(&working)]
    {
        assert_eq!(on_retry(&event.state), Answer::Ask);
    }
    let dead = dead(&failed(&working));
    let trusting = Asking { trusts_log: true, ..asking("r-0002") };
    let state = then(&dead, again(&dead.state.desired, &trusting, &dead.state)).state;
    assert_eq!((state.desired.revision, &state.desired.cause), (2, &Cause::Retried));
    assert_eq!((state.work.attempts, state.desired.trusts_log), (0, true));
    assert_eq!(state.desired.digest, dead.state.desired.digest);
}
