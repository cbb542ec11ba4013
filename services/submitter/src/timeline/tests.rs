use phoenix_domain::StepTaken;

use super::*;
use crate::asking::tests::{asked, claimed, failed, stepped, time, waiting};

/// Returns the events, each so many seconds behind the first.
fn at(seconds: &[i64], events: Vec<Event>) -> Vec<Event> {
    let timed = events.into_iter().zip(seconds);
    timed
        .map(|(event, &after)| Event { time: time() + TimeDelta::seconds(after), ..event })
        .collect()
}

pub(crate) fn story() -> Vec<Event> {
    let asked = asked(901, "r-0001");
    let first = claimed(&asked);
    let stepped = stepped(&first);
    let failed = failed(&stepped);
    let waits = waiting(&failed);
    at(&[0, 10, 30, 40, 40], vec![asked, first, stepped, failed, waits])
}

pub(crate) fn timeline(events: &[Event], now: i64) -> Timeline {
    let run = "r-0001".parse().unwrap();
    Timeline::of(&run, events, time() + TimeDelta::seconds(now)).unwrap()
}

#[test]
fn a_run_is_told_by_what_took_how_long_and_where_nobody_was_at_it() {
    insta::assert_snapshot!(timeline(&story(), 100).text());
}

#[test]
fn every_line_fits_a_terminal() {
    let timeline = timeline(&story(), 100);
    assert!(timeline.text().lines().skip(1).all(|line| line.chars().count() <= 80));
}

#[test]
fn a_step_begins_when_it_was_begun_and_not_before_what_was_done_before() {
    let mut events = story();
    let Fact::StepTaken(taken) = &events[2].fact else { panic!("{:?}", events[2].fact) };
    let long = StepTaken { took_ms: u64::MAX, ..taken.clone() };
    events[2].fact = Fact::StepTaken(long);
    let timeline = timeline(&events, 100);
    let step = timeline.lanes[0].spans.iter().find(|span| span.what == What::Step).unwrap();
    assert_eq!(step.from, time() + TimeDelta::seconds(10));
}

#[test]
fn a_picture_takes_no_name_for_a_part_of_itself() {
    let mut timeline = timeline(&story(), 100);
    "950 <script>alert(\"1\")</script>&".clone_into(&mut timeline.lanes[0].guest);
    let svg = timeline.svg();
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;"), "{svg}");
}

#[test]
fn a_run_of_which_nothing_is_kept_has_no_line() {
    let run = "r-0002".parse().unwrap();
    assert!(Timeline::of(&run, &story(), time()).is_none());
}
