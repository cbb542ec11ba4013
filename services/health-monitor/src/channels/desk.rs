//! What waits to be told by one channel: of each incident how it stands now, and nothing older.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{Delivered, News};
use phoenix_domain::health::IncidentId;
use tokio::time::Instant;

use super::letter::Occasion;

/// The pause after the first attempt that failed; it doubles with each.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause where the other side may be back any moment.
const LONGEST: Duration = Duration::from_mins(1);
/// The pause where a human has to change something first.
const SLOW: Duration = Duration::from_mins(10);

/// What waits to be told.
#[derive(Debug)]
pub(super) struct Desk<C> {
    waiting: BTreeMap<IncidentId, Waiting<C>>,
    /// Nothing is sent before, because the other side asked for that.
    quiet: Option<Instant>,
}

#[derive(Debug)]
struct Waiting<C> {
    seq: u64,
    call: C,
    at: Instant,
    attempts: u32,
    is_refused: bool,
    is_short: bool,
}

/// What is sent next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due<'d, C> {
    pub(super) id: &'d IncidentId,
    pub(super) seq: u64,
    pub(super) call: &'d C,
    pub(super) is_short: bool,
}

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
    match (before, news.incident.is_open()) {
        (None, true) => Occasion::First,
        (Some(before), true) if news.incident.severity > before.severity => Occasion::First,
        (Some(_), true) => Occasion::More,
        (Some(_), false) => Occasion::Over,
        (None, false) => Occasion::Missed,
    }
}

impl<C> Default for Desk<C> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), quiet: None }
    }
}

impl<C> Desk<C> {
    /// Takes what is to be told. Returns what need not be told any more, as there is something newer.
    pub(super) fn take(&mut self, id: &IncidentId, seq: u64, call: C, now: Instant) -> Option<C> {
        let fresh =
            |call| Waiting { seq, call, at: now, attempts: 0, is_refused: false, is_short: false };
        let Some(there) = self.waiting.get_mut(id) else {
            self.waiting.insert(id.clone(), fresh(call));
            return None;
        };
        if there.seq > seq {
            return Some(call);
        }
        let (at, attempts) = (there.at, there.attempts);
        let mut newer = fresh(call);
        if !there.is_refused {
            // The other side is as far away for this one.
            (newer.at, newer.attempts) = (at, attempts);
        }
        Some(std::mem::replace(there, newer).call)
    }

    /// Returns all that waits.
    pub(super) fn calls(&self) -> impl Iterator<Item = &C> {
        self.waiting.values().map(|waiting| &waiting.call)
    }

    /// Returns when something is to be sent, if anything is.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let next = self.waiting.values().map(|waiting| waiting.at).min()?;
        Some(self.quiet.map_or(next, |quiet| quiet.max(next)))
    }

    /// Says whether the other side asked for silence.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.quiet.is_some_and(|quiet| quiet > now)
    }

    /// Returns what is to be sent now.
    pub(super) fn due(&self, now: Instant) -> Option<Due<'_, C>> {
        if self.is_quiet(now) {
            return None;
        }
        let (id, waiting) = self.waiting.iter().min_by_key(|(_, waiting)| waiting.at)?;
        let Waiting { seq, call, is_short, .. } = waiting;
        (waiting.at <= now).then_some(Due { id, seq: *seq, call, is_short: *is_short })
    }

    /// Takes away what the other side has. It is there: what waits for it need not wait any longer.
    pub(super) fn taken(&mut self, id: &IncidentId, seq: u64, now: Instant) -> Option<C> {
        self.reached(now);
        self.waiting.get(id).filter(|waiting| waiting.seq == seq)?;
        self.waiting.remove(id).map(|waiting| waiting.call)
    }

    /// Notes that the other side is there.
    pub(super) fn reached(&mut self, now: Instant) {
        self.quiet = None;
        for waiting in self.waiting.values_mut().filter(|waiting| !waiting.is_refused) {
            (waiting.at, waiting.attempts) = (waiting.at.min(now), 0);
        }
    }

    /// Has something sent again, after a pause that grows, or after as long as the other side asks.
    pub(super) fn later(&mut self, id: &IncidentId, after: Option<Duration>, now: Instant) {
        self.silence(after, now);
        let Some(waiting) = self.waiting.get_mut(id) else { return };
        let pause = FIRST.saturating_mul(1 << waiting.attempts.min(10)).min(LONGEST);
        waiting.attempts = waiting.attempts.saturating_add(1);
        waiting.at = now + pause.max(after.unwrap_or_default());
        waiting.is_refused = false;
    }

    /// Sends nothing for as long as the other side asks.
    pub(super) fn silence(&mut self, after: Option<Duration>, now: Instant) {
        self.quiet = after.map(|after| now + after).or(self.quiet);
    }

    /// Has something sent again that is not taken as things are.
    pub(super) fn refused(&mut self, id: &IncidentId, seq: u64, now: Instant) {
        if let Some(waiting) = self.waiting.get_mut(id).filter(|waiting| waiting.seq == seq) {
            (waiting.at, waiting.is_refused) = (now + SLOW, true);
        }
    }

    /// Has less sent, at once. Says whether there is less.
    pub(super) fn shorten(&mut self, id: &IncidentId, seq: u64, now: Instant) -> bool {
        let waiting = self.waiting.get_mut(id).filter(|waiting| waiting.seq == seq);
        let Some(waiting) = waiting.filter(|waiting| !waiting.is_short) else { return false };
        (waiting.at, waiting.is_short) = (now, true);
        true
    }
}
