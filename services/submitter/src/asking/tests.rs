//! What is asked of a guest, and records for whoever tests what is made of them.

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::HostReport;
use phoenix_domain::health::Facts;
use phoenix_domain::{
    Blocked, CancelRequested, Claim, Claimed, Completed, DeadLettered, Event, Failed, Failure,
    Obstacle, RetryWait, StepFailed, StepName, StepTaken, Verdict, WorkerName,
};

use super::*;
use crate::error::CommandError;

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
        facts: Facts::default(),
        drained: None,
        waits: std::collections::BTreeMap::new(),
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
        after: std::collections::BTreeMap::new(),
        goal: Goal::Present,
        spec: SpecText::of(&spec).unwrap(),
    }
}

fn asking(run: &str) -> Asking {
    Asking { run: run.parse().unwrap(), by: "kim@desk".to_owned(), trusts_log: false, hold_s: None }
}

/// Returns the event with which a guest is asked for.
pub(crate) fn asked(vmid: u32, run: &str) -> Event {
    let fact = request(&wanted(vmid, 512), &asking(run), None);
    let state = Record::after(None, guest(vmid), &fact).unwrap();
    event(fact, state)
}

/// Returns the event with which a guest is asked for once more, with this much memory.
pub(crate) fn asked_again(before: &Event, memory: u64) -> Event {
    let wanted = wanted(before.state.guest.vmid.number(), memory);
    then(before, request(&wanted, &asking("r-0002"), Some(&before.state)))
}

/// Returns the event with which this guest is asked for.
pub(crate) fn asked_of(spec: &phoenix_domain::GuestSpec, goal: Goal) -> Event {
    let wanted = Wanted {
        guest: GuestKey::from(spec),
        goal,
        spec: SpecText::of(spec).unwrap(),
        ..wanted(spec.vmid.number(), 512)
    };
    let fact = request(&wanted, &asking("r-0001"), None);
    let state = Record::after(None, wanted.guest, &fact).unwrap();
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
    then(
        before,
        Claimed {
            claim: Claim { id: "c".to_owned(), worker },
            way: WAY.to_vec(),
            tools: std::collections::BTreeMap::new(),
        },
    )
}

pub(crate) fn stepped(before: &Event) -> Event {
    let changes = vec!["made the container".to_owned(), "set its\u{1b}[2J name".to_owned()];
    let (step, phase) = (StepName::EnsureContainerDefined, Phase::Created);
    then(before, StepTaken { step, phase, changes, took_ms: 1234, said: Vec::new() })
}

pub(crate) fn completed(before: &Event) -> Event {
    then(
        before,
        Completed {
            changes: 2,
            took_ms: 65_000,
            addresses: Vec::new(),
            upstreams: None,
            set_aside: None,
        },
    )
}

pub(crate) fn failed(before: &Event) -> Event {
    let failure = Failure {
        step: Some(StepName::ApplyConfigurations),
        change: Some("set memory to 512 MiB".to_owned()),
        what: "`pct set` ended with 255".to_owned(),
        advice: Some("see whether the host has that much memory".to_owned()),
        output: Some("unable to parse 'memory'\n\u{1b}[31mnot enough".to_owned()),
        verdict: Verdict::Retry,
        remedy: phoenix_domain::Remedy::Retry,
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

fn turn(vmid: u32, goal: Goal) -> Turn {
    let cause = Cause::Submitted;
    Turn { guest: guest(vmid), goal, cause, stands_on: Vec::new(), new: None }
}

/// Returns the event with which a guest is asked to become something else.
fn turned_to(goal: Goal, before: &Event) -> Event {
    let turn = turn(before.state.guest.vmid.number(), goal);
    then(before, turned(&turn, &asking("r-0009"), Some(&before.state)).unwrap())
}

const GONE: Goal = Goal::Absent { volumes: phoenix_domain::Fate::Kept };

#[test]
fn what_was_stopped_or_removed_or_has_drifted_is_submitted_anew() {
    let complete = completed(&claimed(&asked(901, "r-0001")));
    let answer = |event: &Event| on_submit(&wanted(901, 512), Some(&event.state));

    for goal in [Goal::Stopped, Goal::Running, Goal::Restarted, GONE] {
        let asked = turned_to(goal, &complete);
        assert_eq!(answer(&asked), Answer::Ask, "{goal}");
        assert_eq!(answer(&completed(&claimed(&asked))), Answer::Ask, "{goal}");
    }
    let drifted =
        phoenix_domain::Drifted { changes: vec!["set memory".to_owned()], addresses: None };
    assert_eq!(answer(&then(&complete, drifted)), Answer::Ask);
    let adopted = completed(&claimed(&turned_to(Goal::Adopted, &complete)));
    assert_eq!(answer(&adopted), Answer::AsDesired, "what was taken over is as wanted");
}

#[test]
fn only_what_was_built_can_be_started_or_stopped() {
    let never = |asked| CommandError::NeverBuilt { asked, is_gone: false }.to_string();
    let begun = asked(901, "r-0001");
    let vmid = begun.state.guest.vmid;
    let complete = completed(&claimed(&begun));
    let refused = |goal, event: Option<&Event>| {
        let refused = refuse(vmid, goal, event.map(|event| &event.state));
        refused.err().map(|err| err.to_string())
    };

    for goal in [Goal::Running, Goal::Stopped, Goal::Restarted] {
        assert_eq!(refused(goal, None), Some(never(vmid)), "{goal}");
        assert_eq!(refused(goal, Some(&complete)), None, "{goal}");
        let gone = completed(&claimed(&turned_to(GONE, &complete)));
        assert_eq!(refused(goal, Some(&gone)), Some("guest 901 was removed".to_owned()), "{goal}");
    }
    let half = dead(&failed(&stepped(&claimed(&begun))));
    assert_eq!(refused(Goal::Running, Some(&half)), Some(never(vmid)));
    assert_eq!(refused(Goal::Stopped, Some(&half)), None, "what is there of it can be stopped");
    assert_eq!(refused(Goal::Running, Some(&begun)), None, "it is about to run anyway");
    assert_eq!(refused(Goal::Stopped, Some(&begun)), Some(never(vmid)));
    assert_eq!(refused(GONE, Some(&half)), None);
}

#[test]
fn who_types_a_verb_twice_asks_once_while_it_is_being_done() {
    let complete = completed(&claimed(&asked(901, "r-0001")));
    for goal in [Goal::Running, Goal::Stopped, Goal::Restarted, GONE] {
        let answer = |event: &Event| on_turn(&turn(901, goal), Some(&event.state));
        let asked = turned_to(goal, &complete);

        assert_eq!(answer(&complete), Answer::Ask, "{goal}");
        assert_eq!(answer(&asked), Answer::Joined, "{goal}");
        assert_eq!(answer(&claimed(&asked)), Answer::Joined, "{goal}");
        assert_eq!(answer(&dead(&failed(&claimed(&asked)))), Answer::Ask, "{goal}");
        let done = completed(&claimed(&asked));
        let again = if goal == GONE { Answer::AsDesired } else { Answer::Ask };
        assert_eq!(answer(&done), again, "{goal}: the host is the truth, and may be asked again");
    }
}

#[test]
fn a_foundation_is_started_only_where_it_was_stopped_and_built_where_it_never_was() {
    let cause = || Cause::StoodOnBy(guest(904).vmid);
    let below = Turn { cause: cause(), ..turn(901, Goal::Running) };
    let complete = completed(&claimed(&asked(901, "r-0001")));

    assert_eq!(on_turn(&below, Some(&complete.state)), Answer::AsDesired);
    let stopped = completed(&claimed(&turned_to(Goal::Stopped, &complete)));
    assert_eq!(on_turn(&below, Some(&stopped.state)), Answer::Ask);
    let state = then(&stopped, turned(&below, &asking("r-0002"), Some(&stopped.state)).unwrap());
    assert_eq!(state.state.desired.goal, Goal::Running);

    let new = Turn { new: Some(wanted(901, 512)), ..below };
    assert_eq!(on_turn(&new, None), Answer::Ask);
    let Some(Fact::Requested(asked)) = turned(&new, &asking("r-0002"), None) else {
        panic!("it is a request")
    };
    assert_eq!((asked.desired.goal, asked.desired.revision), (Goal::Present, 1));
}

#[test]
fn a_guest_keeps_the_spec_it_was_made_by_when_it_is_stopped() {
    let complete = completed(&claimed(&asked(901, "r-0001")));
    let stopped = turned_to(Goal::Stopped, &complete).state;

    assert_eq!(stopped.desired.digest, complete.state.desired.digest);
    assert_eq!((stopped.desired.revision, stopped.desired.goal), (2, Goal::Stopped));
    assert_eq!(stopped.work.phase, Phase::Completed);
}

#[test]
fn a_guest_that_waits_for_one_that_tried_something_else_is_asked_for_anew() {
    let mut first = wanted(950, 512);
    first.after.insert(guest(951), first.digest.clone());
    let fact = request(&first, &asking("r-0001"), None);
    let state = Record::after(None, first.guest, &fact).unwrap();
    let asked = event(fact, state);
    assert_eq!(on_submit(&first, Some(&asked.state)), Answer::Joined);

    let blocked =
        then(&asked, Blocked { obstacle: Obstacle::Guest { guest: guest(951), root: guest(951) } });
    assert_eq!(on_submit(&first, Some(&blocked.state)), Answer::Ask);
}
