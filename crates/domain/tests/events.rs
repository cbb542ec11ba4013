//! Events as they stand in logs: what was written once is read for ever.

#![expect(clippy::unwrap_used, reason = "a broken fixture should stop the test")]

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use phoenix_domain::{
    Answered, Back, Blocked, BootId, CancelRequested, Cancelled, Cause, Claim, Claimed, Class,
    Completed, DeadLettered, Desired, Drifted, Event, EventKind, Fact, Failed, Failure, Goal,
    GuestKey, Obstacle, Phase, Record, Repair, RepairRequested, Requested, RestartBegun, RetryWait,
    ReturnBegun, Safety, SpecDigest, SpecText, Standing, StepFailed, StepName, StepTaken,
    Unreadable, Verdict, WorkerName,
};
use phoenix_testkit::guest;

fn time() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn key() -> GuestKey {
    "lxc-950".parse().unwrap()
}

fn desired(revision: u64, cause: Cause) -> Box<Desired> {
    let spec = guest(950).of(920).cores(6).build();
    Box::new(Desired {
        revision,
        run: "r-0199".parse().unwrap(),
        host: "pve1".parse().unwrap(),
        class: Class::Gpu(0),
        cause,
        digest: SpecDigest::of(&spec),
        stands_on: vec!["lxc-920".parse().unwrap()],
        by: "ops@desk".to_owned(),
        cancelled: false,
        trusts_log: false,
        goal: Goal::Present,
        safety: None,
        after: Vec::new(),
        tried: std::collections::BTreeMap::new(),
        spec: SpecText::of(&spec).unwrap(),
    })
}

/// A fact of every kind, in an order in which they can follow each other.
fn facts() -> Vec<Fact> {
    let claim = || {
        let worker = WorkerName { host: "pve1".parse().unwrap(), instance: "0199".to_owned() };
        let claim = Claim { id: "c1".to_owned(), worker };
        Claimed {
            claim,
            way: vec![StepName::EnsureContainerDefined, StepName::StartContainer],
            tools: std::collections::BTreeMap::new(),
        }
    };
    let failure = Failure {
        step: Some(StepName::StartContainer),
        change: Some("start it".to_owned()),
        what: "cannot start it: it is locked (backup)".to_owned(),
        advice: Some("wait for the backup".to_owned()),
        output: Some("CT is locked (backup)".to_owned()),
        verdict: Verdict::Retry,
        remedy: phoenix_domain::Remedy::Retry,
        at: time(),
    };
    vec![
        Requested { desired: desired(1, Cause::Submitted) }.into(),
        Blocked {
            obstacle: Obstacle::Guest {
                guest: "lxc-920".parse().unwrap(),
                root: "lxc-900".parse().unwrap(),
            },
        }
        .into(),
        claim().into(),
        StepTaken {
            step: StepName::EnsureContainerDefined,
            phase: Phase::Created,
            changes: vec!["create it as a clone of 920".to_owned()],
            took_ms: 1200,
            said: Vec::new(),
        }
        .into(),
        StepFailed { failure }.into(),
        RetryWait { at: time(), attempt: 2, of: 8 }.into(),
        claim().into(),
        Completed {
            changes: 3,
            took_ms: 9000,
            addresses: vec!["10.0.0.150".parse().unwrap()],
            upstreams: None,
            set_aside: None,
        }
        .into(),
        RepairRequested {
            desired: desired(2, Cause::Repair { reason: "hung".to_owned(), order: None }),
        }
        .into(),
        claim().into(),
        Failed { why: "tried 8 times".to_owned() }.into(),
        DeadLettered { letter: 7 }.into(),
        Requested { desired: desired(3, Cause::Retried) }.into(),
        claim().into(),
        CancelRequested { by: "ops@desk".to_owned() }.into(),
        Cancelled { before: Some(StepName::StartContainer) }.into(),
        RestartBegun { boot: Some(BootId::new("4711".to_owned())) }.into(),
        Drifted { changes: vec!["set memory".to_owned()], addresses: None }.into(),
        Requested { desired: guarded(4) }.into(),
        claim().into(),
        Failed { why: "it does not answer".to_owned() }.into(),
        ReturnBegun { why: "it does not answer".to_owned(), letter: 8 }.into(),
        Requested { desired: desired(6, Cause::Retried) }.into(),
        Blocked { obstacle: asked() }.into(),
        Answered { question: QUESTION.to_owned(), yes: true, by: "ops@desk".to_owned() }.into(),
        Blocked { obstacle: asked() }.into(),
        Answered { question: QUESTION.to_owned(), yes: false, by: "ops@desk".to_owned() }.into(),
    ]
}

const QUESTION: &str = "there is a container 950 that is not ours";

fn asked() -> Obstacle {
    Obstacle::Question { question: QUESTION.to_owned(), advice: "move it".to_owned() }
}

/// What is wanted of a guest that can go back to one with fewer cores.
fn guarded(revision: u64) -> Box<Desired> {
    let was = guest(950).of(920).cores(4).build();
    let back = Back {
        digest: SpecDigest::of(&was),
        stands_on: vec!["lxc-920".parse().unwrap()],
        spec: SpecText::of(&was).unwrap(),
    };
    let snapshot = "before-0199".parse().unwrap();
    let safety = Safety::Guarded { snapshot, hold_s: 60, back: Box::new(back) };
    Box::new(Desired { safety: Some(safety), ..*desired(revision, Cause::Submitted) })
}

fn events() -> Vec<Event> {
    let mut state: Option<Record> = None;
    let mut events = Vec::new();
    for (nth, fact) in facts().into_iter().enumerate() {
        let after = Record::after(state.as_ref(), key(), &fact).unwrap();
        events.push(Event {
            id: format!("e{nth}"),
            source: "//pve1/phoenix/worker/0199".to_owned(),
            time: time(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            fact,
            state: after.clone(),
        });
        state = Some(after);
    }
    events
}

fn fixture(kind: EventKind) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/events/v1/{kind}.json"))
}

#[test]
fn an_event_of_every_kind_is_written_as_it_was_written_first() {
    for kind in EventKind::ALL {
        let event = events().into_iter().find(|event| event.fact.kind() == *kind);
        let event = event.unwrap_or_else(|| panic!("no example of {kind}"));
        let mut written = Event::write(std::slice::from_ref(&event)).unwrap();
        written.push(b'\n');
        let path = fixture(*kind);
        if !path.exists() {
            fs::write(&path, &written).unwrap();
            panic!("{} is new: look at it, and commit it", path.display());
        }

        let text = fs::read(&path).unwrap();
        let is_same = text == written;
        assert!(is_same, "{kind} is written in another form than in all logs there are");
        assert_eq!(Event::read(&text).unwrap(), [event], "{kind}");
    }
}

#[test]
fn a_row_is_read_as_it_was_said() {
    let whole = events();
    // What one claim says: requests come in messages of their own.
    for row in [&whole[2..6], &whole[9..12], &whole[13..14], &whole[19..22]] {
        let written = Event::write(row).unwrap();
        assert_eq!(Event::read(&written).unwrap(), row);
    }
    let one = Event::write(&whole[2..3]).unwrap().len();
    let row = Event::write(&whole[2..6]).unwrap().len();
    assert!(row < 3 * one, "four events in a row weigh {row} bytes, and one {one}");
}

#[test]
fn what_is_not_ours_is_refused_with_its_reason() {
    let ours = String::from_utf8(Event::write(&events()[..1]).unwrap()).unwrap();
    let refused = |bytes: &[u8]| Event::read(bytes).unwrap_err();

    assert!(matches!(refused(b""), Unreadable::NotAnEvent(_)));
    assert!(matches!(refused(b"\xff\xfe"), Unreadable::NotAnEvent(_)));
    assert!(matches!(refused(b"[]"), Unreadable::Empty));
    let later = ours.replace("requested.v1", "requested.v9");
    assert!(matches!(refused(later.as_bytes()), Unreadable::UnknownType(_)));
    let other = ours.replace(r#""specversion":"1.0""#, r#""specversion":"2.0""#);
    assert!(matches!(refused(other.as_bytes()), Unreadable::OtherEnvelope(_)));
    let misplaced = ours.replace(r#""subject":"lxc-950""#, r#""subject":"lxc-951""#);
    assert!(matches!(refused(misplaced.as_bytes()), Unreadable::Misplaced { .. }));
    let hollow = ours.replace(r#""state":"#, r#""stat":"#);
    assert!(matches!(refused(hollow.as_bytes()), Unreadable::Stateless(_)));
}

#[test]
fn the_last_state_tells_how_things_stand() {
    let standings: Vec<_> =
        events().iter().map(|event| event.state.work.standing.clone()).collect();
    assert!(matches!(standings[1], Standing::BlockedBy { .. }));
    assert_eq!(standings[2], Standing::Working);
    assert!(matches!(standings[5], Standing::RetryWait { .. }));
    assert_eq!(standings[7], Standing::Completed);
    assert_eq!(standings[8], Standing::Requested);
    assert_eq!(standings[11], Standing::Dead { letter: 7 });
    // Somebody is at it still, and will say when it has stopped.
    assert_eq!(standings[14], Standing::Working);
    assert_eq!(standings[15], Standing::Cancelled);
    assert!(matches!(standings[23], Standing::Blocked { .. }));
    assert_eq!(standings[24], Standing::Requested);
    assert_eq!(standings[26], Standing::Cancelled);
}

#[test]
fn who_answers_has_the_same_request_go_on_or_end() {
    let events = events();

    let (asked, yes, no) = (&events[23].state, &events[24].state, &events[26].state);

    assert!(asked.is_settled() && no.is_settled() && !yes.is_settled());
    assert_eq!((yes.work.attempts, &yes.work.claim, yes.desired.cancelled), (0, &None, false));
    assert!(no.desired.cancelled, "who worked on it meanwhile must stop");
    for state in [yes, no] {
        assert_eq!((state.desired.revision, &state.desired.run), (6, &asked.desired.run));
    }
}

#[test]
fn what_was_set_aside_is_not_set_aside_again_when_a_human_says_that_it_goes_on() {
    let mut asked = events()[23].state.clone();
    asked.desired.goal = Goal::Repaired { by: Repair::Recreate };
    asked.work.reached = 1;
    let yes = Answered { question: QUESTION.to_owned(), yes: true, by: "ops".to_owned() };

    let state = Record::after(Some(&asked), key(), &yes.into()).unwrap();

    assert_eq!(state.desired.goal, Goal::Present);
}

#[test]
fn a_newer_request_is_not_lost_to_what_an_older_one_came_to() {
    let requested: Fact = Requested { desired: desired(2, Cause::Submitted) }.into();
    let working = events().into_iter().nth(3).unwrap().state;
    let asked = Record::after(Some(&working), key(), &requested).unwrap();
    assert_eq!(asked.work, working.work, "a request leaves whoever works alone");

    let completed: Fact = Completed {
        changes: 0,
        took_ms: 1,
        addresses: Vec::new(),
        upstreams: None,
        set_aside: None,
    }
    .into();
    let after = Record::after(Some(&asked), key(), &completed).unwrap();
    assert_eq!((after.work.standing, after.work.revision), (Standing::Requested, 2));
}

#[test]
fn a_guest_that_goes_back_is_wanted_as_it_was() {
    let state = events().swap_remove(21).state;
    let was = SpecDigest::of(&guest(950).of(920).cores(4).build());
    assert_eq!((&state.desired.digest, state.desired.revision), (&was, 5));
    assert_eq!(SpecDigest::of(&state.desired.spec.read().unwrap()), was);
    assert_eq!(state.work.standing, Standing::Requested);
    assert!(state.has_gone_back(&state.desired.run));
    assert!(!state.has_gone_back(&"r-other".parse().unwrap()), "another run knows nothing of it");
}

#[test]
fn what_held_has_no_way_back_any_more() {
    let completed: Fact = Completed {
        changes: 1,
        took_ms: 1,
        addresses: Vec::new(),
        upstreams: None,
        set_aside: None,
    }
    .into();
    let claimed = events().into_iter().nth(19).unwrap().state;
    let after = Record::after(Some(&claimed), key(), &completed).unwrap();
    assert_eq!((after.desired.safety, after.work.standing), (None, Standing::Completed));
}

#[test]
fn a_guest_that_was_set_aside_is_made_when_it_is_asked_for_once_more_and_not_set_aside_again() {
    let again = Goal::Repaired { by: Repair::Recreate };
    let cause = Cause::Repair { reason: "hung".to_owned(), order: None };
    let asked = Desired { goal: again, ..*desired(1, cause) };
    let mut facts = facts().into_iter().filter(|fact| fact.kind() == EventKind::Claimed);
    let taken = StepTaken {
        step: StepName::SetGuestAside,
        phase: Phase::Defined,
        changes: vec!["set it aside, and keep its volumes".to_owned()],
        took_ms: 3,
        said: Vec::new(),
    };
    let after = |state: Option<&Record>, fact: Fact| Record::after(state, key(), &fact).unwrap();
    let requested = RepairRequested { desired: Box::new(asked) };
    let claimed = after(Some(&after(None, requested.into())), facts.next().unwrap());
    assert_eq!(claimed.goal_again(again), again, "nothing was done yet");

    let taken = after(Some(&claimed), taken.into());

    assert_eq!(taken.goal_again(again), Goal::Present);
    assert_eq!(taken.goal_again(Goal::Restarted), Goal::Restarted);
}
