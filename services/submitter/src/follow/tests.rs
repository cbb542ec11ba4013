//! What is followed, and how it is shown.

use chrono::TimeDelta;

use super::*;
use crate::asking::tests::{
    asked, claimed, completed, dead, failed, guest, question, site, stepped, then, time, waiting,
};

/// Follows guests as these events leave them.
fn watched(events: &[Event]) -> Watched {
    Watched::new(
        events
            .iter()
            .map(|event| Guest::new(words::name(&event.state), event.state.clone(), 1, event.time)),
    )
}

fn ending(watched: &Watched, vmid: u32) -> Ending {
    watched
        .guests()
        .find(|(key, _)| *key == guest(vmid))
        .map(|(_, guest)| watched.ending(guest))
        .unwrap()
}

#[test]
fn every_event_is_told_on_one_line() {
    let asked = asked(901, "r-0001");
    let working = stepped(&claimed(&asked));
    let failed = failed(&working);
    let cancelled = phoenix_domain::CancelRequested { by: "kim@desk".to_owned() };
    let events = [
        asked.clone(),
        claimed(&asked),
        working.clone(),
        failed.clone(),
        waiting(&failed),
        question(&working),
        completed(&working),
        dead(&failed),
        then(&working, cancelled),
    ];
    let lines: Vec<_> = events.iter().map(|event| words::event(event, "web")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_wait_for_a_lock_of_somebody_else_is_no_attempt_that_failed() {
    let failure = phoenix_domain::Failure {
        step: Some(phoenix_domain::StepName::ApplyConfigurations),
        change: None,
        what: "guest 901 is locked (backup)".to_owned(),
        advice: None,
        output: None,
        verdict: phoenix_domain::Verdict::Wait,
        remedy: phoenix_domain::Remedy::Retry,
        at: time(),
    };
    let held = then(&claimed(&asked(901, "r-0001")), phoenix_domain::StepFailed { failure });
    let waits = waiting(&held);

    let lines = [words::happened(&held), words::happened(&waits)];

    assert!(lines[0].starts_with("waits at ") && lines[0].contains("(backup)"), "{lines:?}");
    assert!(lines[1].ends_with("; waiting costs no attempt"), "{lines:?}");
    assert!(!lines.concat().contains(" of 8"), "{lines:?}");
}

#[test]
fn the_tree_is_indented_by_what_guests_stand_on() {
    let mut watched = watched(&site());
    let retried = waiting(&failed(&stepped(&claimed(&asked(901, "r-0001")))));
    assert!(watched.take(2, &retried));
    let now = time() + TimeDelta::seconds(90);
    let lines: Vec<_> = tree::lines(&watched, now)
        .into_iter()
        .map(|line| format!("{} {}", line.mark.unwrap_or('⠋'), line.text))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_summary_says_what_failed_why_and_what_to_type() {
    let run: RunId = "r-0001".parse().unwrap();
    let watched = watched(&site());
    insta::assert_snapshot!(summary::text(&watched, Some(&run)));
    assert_eq!(summary::exit_code(&watched), 9);
}

#[test]
fn what_was_brought_along_is_counted_apart_from_what_was_asked_for() {
    let below = completed(&claimed(&asked(900, "r-0001")));
    let above = completed(&claimed(&asked(901, "r-0001")));
    let states = crate::states::States::of([below, above]);

    let followed = states.watched(&[guest(901)], &std::collections::BTreeMap::new(), time());

    assert_eq!(summary::text(&followed, None), "1 completed; brought along: 1 completed\n");
}

#[test]
fn following_ends_when_nothing_more_happens_by_itself() {
    let begun = stepped(&claimed(&asked(900, "r-0001")));
    let above = asked(901, "r-0001");
    let of = |events: &[Event]| {
        let watched = watched(events);
        (watched.is_over(), ending(&watched, 901))
    };

    assert_eq!(of(&[begun.clone(), above.clone()]), (false, Ending::None));
    assert_eq!(of(&[completed(&begun), above.clone()]), (false, Ending::None));
    // Nobody has to tell that it is blocked: it may be that no worker is there to do so.
    let stuck = Ending::Stuck { root: guest(900) };
    assert_eq!(of(&[dead(&begun), above.clone()]), (true, stuck));
    assert_eq!(of(&[question(&begun), above.clone()]), (true, stuck));
    // It was given up, but its letter is still to come.
    let given_up = then(&begun, phoenix_domain::Failed { why: "no".to_owned() });
    assert_eq!(of(&[given_up, above]), (false, stuck));
}

#[test]
fn old_news_is_no_news() {
    let asked = asked(901, "r-0001");
    let mut watched = watched(&[claimed(&asked)]);
    assert!(!watched.take(1, &asked), "it was told before");
    assert!(!watched.take(9, &self::asked(905, "r-0001")), "nobody follows it");
    let (claimed, stepped) = (claimed(&asked), stepped(&claimed(&asked)));
    assert!(watched.take(2, &claimed));
    assert!(watched.take(2, &stepped), "what was said in a row has one place in the log");
    assert!(watched.take(2, &completed(&stepped)));
    assert!(watched.is_over());
    assert_eq!(summary::exit_code(&watched), 0);
}

#[test]
fn whoever_gets_what_somebody_else_wanted_is_told() {
    use crate::asking;

    let mine = asked(901, "r-0001");
    let mut watched = watched(std::slice::from_ref(&mine));
    let theirs = asking::Asking {
        run: "r-0002".parse().unwrap(),
        by: "lee@desk".to_owned(),
        trusts_log: false,
        hold_s: None,
    };
    let wanted = asking::tests::wanted(901, 1024);
    let other = then(&mine, asking::request(&wanted, &theirs, Some(&mine.state)));
    assert!(watched.take(2, &other));
    assert!(watched.take(3, &completed(&claimed(&other))));

    assert_eq!(summary::exit_code(&watched), 10);
    assert!(summary::text(&watched, None).contains("as lee@desk wanted it in run r-0002"));
}
