//! What is told by a channel, as what, and when people are reminded of it.

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{Called, Delivered, News};

use super::letter::Occasion;

/// Says whether a channel tells this: `is_wanted` says that its file asks for it, and `since` when the
/// channel was first there.
pub(super) fn is_told(
    news: &News,
    before: Option<&Delivered>,
    is_wanted: bool,
    since: DateTime<Utc>,
) -> bool {
    let over = news.incident.resolved;
    match before {
        // Who was told of it hears all of it.
        Some(before) => before.over.is_none() && before.seq < news.seq,
        None => is_wanted && over.is_none_or(|over| over > since),
    }
}

/// Returns what an incident is told as.
pub(super) fn occasion(news: &News, before: Option<&Delivered>) -> Occasion {
    let incident = &news.incident;
    match (before, incident.is_open()) {
        (None, true) => Occasion::First,
        (Some(before), true) if incident.severity > before.severity => Occasion::First,
        // Somebody had seen it, and now it is worse.
        (Some(before), true)
            if before.called.is_none()
                && incident.is_calling()
                && incident.has_outgrown_its_ack() =>
        {
            Occasion::First
        }
        (Some(_), true) => Occasion::More,
        (Some(_), false) => Occasion::Over,
        (None, false) => Occasion::Missed,
    }
}

/// Returns since when people have been called for it once they are told this, where nobody has seen it.
pub(super) fn called(
    news: &News,
    before: Option<&Delivered>,
    occasion: Occasion,
    now: DateTime<Utc>,
) -> Option<Called> {
    if !news.incident.is_calling() {
        return None;
    }
    let before = before.and_then(|before| before.called);
    Some(match (occasion, before) {
        (Occasion::Reminder, Some(called)) => {
            Called { at: now, reminders: called.reminders.saturating_add(1) }
        }
        (Occasion::More, Some(called)) => called,
        (
            Occasion::First
            | Occasion::More
            | Occasion::Reminder
            | Occasion::Over
            | Occasion::Missed
            | Occasion::Digest
            | Occasion::Test,
            _,
        ) => Called { at: now, reminders: 0 },
    })
}

/// Returns when people are reminded of what nobody has seen: after each of these pauses, and after the
/// last one again and again.
pub(super) fn remind_at(called: Called, pauses: &[TimeDelta]) -> Option<DateTime<Utc>> {
    let nth = usize::try_from(called.reminders).unwrap_or(usize::MAX);
    let pause = pauses.get(nth).or_else(|| pauses.last())?;
    Some(called.at + *pause)
}
