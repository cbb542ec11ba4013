//! The order in which things are told, and the pauses between attempts.

use phoenix_domain::health::IncidentId;
use tokio::time::Instant;

use super::*;
use crate::channels::desk::{Desk, Weight};
use crate::channels::told::{is_told, occasion};

fn id(text: &str) -> IncidentId {
    text.parse().unwrap()
}

/// What matters as much as anything else here.
const NOTE: Weight = Weight { is_call: false, severity: Severity::Notice };

fn desk() -> Desk<u64> {
    Desk::new(AT_ONCE)
}

fn due(desk: &Desk<u64>, at: Instant) -> Option<u64> {
    desk.due(at).first().map(|due| *due.call)
}

#[test]
fn the_newer_takes_the_place_of_the_older_whichever_comes_first() {
    let (mut desk, now) = (desk(), Instant::now());

    assert_eq!(desk.take(&id("AAAAAA"), 5, NOTE, 5, now), None);
    assert_eq!(desk.take(&id("AAAAAA"), 7, NOTE, 7, now), Some(5));
    assert_eq!(desk.take(&id("AAAAAA"), 6, NOTE, 6, now), Some(6));
    assert_eq!(due(&desk, now), Some(7));
}

#[test]
fn what_was_sent_is_done_unless_something_newer_came_meanwhile() {
    let (mut desk, now) = (desk(), Instant::now());
    desk.take(&id("AAAAAA"), 5, NOTE, 5, now);
    desk.take(&id("AAAAAA"), 6, NOTE, 6, now);

    assert_eq!(desk.taken(&id("AAAAAA"), 5, now), None);
    assert_eq!(due(&desk, now), Some(6));
    assert_eq!(desk.taken(&id("AAAAAA"), 6, now), Some(6));
    assert_eq!(desk.next_at(), None);
}

#[test]
fn pauses_grow_and_end_when_the_other_side_is_back() {
    let (mut desk, now) = (desk(), Instant::now());
    desk.take(&id("AAAAAA"), 1, NOTE, 1, now);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        desk.later(&id("AAAAAA"), None, now);
        pauses.push((desk.next_at().unwrap() - now).as_secs());
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);

    // A newer state does not hurry: the other side is as far away for it.
    desk.take(&id("AAAAAA"), 2, NOTE, 2, now);
    assert_eq!(due(&desk, now), None);
    desk.take(&id("BBBBBB"), 3, NOTE, 3, now);
    assert_eq!(desk.taken(&id("BBBBBB"), 3, now), Some(3));
    desk.sent(now);
    assert_eq!(due(&desk, now), Some(2));
}

#[test]
fn who_asks_for_silence_is_sent_nothing_at_all_meanwhile() {
    let (mut desk, now) = (desk(), Instant::now());
    desk.take(&id("AAAAAA"), 1, NOTE, 1, now);
    desk.later(&id("AAAAAA"), Some(Duration::from_mins(5)), now);
    desk.take(&id("BBBBBB"), 2, NOTE, 2, now);

    assert_eq!(due(&desk, now + Duration::from_secs(299)), None);
    assert_eq!(desk.next_at(), Some(now + Duration::from_mins(5)));
    assert_eq!(due(&desk, now + Duration::from_mins(5)), Some(2));
}

#[test]
fn what_is_refused_waits_long_and_holds_up_nothing_and_its_news_do_not_wait() {
    let (mut desk, now) = (desk(), Instant::now());
    desk.take(&id("AAAAAA"), 1, NOTE, 1, now);
    desk.take(&id("BBBBBB"), 2, NOTE, 2, now);
    desk.refused(&id("AAAAAA"), 1, now);
    assert_eq!(desk.taken(&id("BBBBBB"), 2, now), Some(2));

    assert_eq!(desk.next_at(), Some(now + Duration::from_mins(10)));
    desk.take(&id("AAAAAA"), 3, NOTE, 3, now);
    assert_eq!(due(&desk, now), Some(3));
}

#[test]
fn what_is_too_long_is_shortened_once() {
    let (mut desk, now) = (desk(), Instant::now());
    desk.take(&id("AAAAAA"), 1, NOTE, 1, now);

    assert!(desk.shorten(&id("AAAAAA"), 1, now));
    assert!(desk.due(now)[0].is_short);
    assert!(!desk.shorten(&id("AAAAAA"), 1, now));
}

#[test]
fn who_was_told_of_it_hears_all_of_it_and_nobody_hears_history() {
    let news = News { seq: 9, ..page() };
    let ended = over(news.clone());
    let since = news.incident.opened;
    let told = delivered(5, Severity::Page);

    assert!(is_told(&news, None, true, since));
    assert!(!is_told(&news, None, false, since), "nobody asked for it");
    assert!(is_told(&ended, Some(&told), false, since), "its end is owed");
    assert!(is_told(&ended, None, true, since), "it passed while nobody could be told");
    assert!(!is_told(&ended, None, true, since + TimeDelta::hours(1)), "it is history");
    assert!(!is_told(&news, Some(&delivered(9, Severity::Page)), true, since), "told already");
    let over = Delivered { over: Some(since), ..told };
    assert!(!is_told(&ended, Some(&over), true, since), "its end was told");
}

#[test]
fn what_grows_more_urgent_is_told_as_if_it_were_new() {
    let (news, ended) = (page(), over(page()));
    let (mild, same) = (delivered(1, Severity::Warn), delivered(1, Severity::Page));

    assert_eq!(occasion(&news, None), Occasion::First);
    assert_eq!(occasion(&news, Some(&mild)), Occasion::First);
    assert_eq!(occasion(&news, Some(&same)), Occasion::More);
    assert_eq!(occasion(&ended, Some(&same)), Occasion::Over);
    assert_eq!(occasion(&ended, None), Occasion::Missed);
}
