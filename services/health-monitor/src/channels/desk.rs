//! What waits to be told by one channel: of each incident how it stands now, and nothing older.

use std::collections::BTreeMap;
use std::time::Duration;

use phoenix_domain::health::{IncidentId, Severity};
use tokio::time::Instant;

use super::pace::{Budget, Pace};

/// The pause after the first attempt that failed; it doubles with each.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause where the other side may be back any moment.
const LONGEST: Duration = Duration::from_mins(1);
/// The pause where a human has to change something first.
const SLOW: Duration = Duration::from_mins(10);
/// How many incidents one message tells of: so many lines fit wherever it goes.
pub(super) const LINES: usize = 25;

/// What waits to be told.
#[derive(Debug)]
pub(super) struct Desk<C> {
    waiting: BTreeMap<IncidentId, Waiting<C>>,
    budget: Budget,
    /// Nothing is sent before, because the other side asked for that.
    quiet: Option<Instant>,
}

/// How much it matters that something is told, and soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Weight {
    /// Whether it calls a human, and so is held back for a few seconds at most.
    pub(super) is_call: bool,
    pub(super) severity: Severity,
}

#[derive(Debug)]
struct Waiting<C> {
    seq: u64,
    call: C,
    weight: Weight,
    /// When what changes meanwhile has been waited for.
    ripe: Instant,
    /// When it is tried again.
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

impl<C> Waiting<C> {
    fn at(&self) -> Instant {
        self.at.max(self.ripe)
    }
}

impl<C> Desk<C> {
    pub(super) fn new(pace: Pace) -> Self {
        Self { waiting: BTreeMap::new(), budget: Budget::new(pace), quiet: None }
    }

    /// Takes what is to be told. Returns what need not be told any more, as there is something newer.
    pub(super) fn take(
        &mut self,
        id: &IncidentId,
        seq: u64,
        weight: Weight,
        call: C,
        now: Instant,
    ) -> Option<C> {
        let ripe = self.budget.ripe(now);
        let (attempts, is_refused, is_short) = (0, false, false);
        let mut newer =
            Waiting { seq, call, weight, ripe, at: now, attempts, is_refused, is_short };
        let Some(there) = self.waiting.get_mut(id) else {
            self.waiting.insert(id.clone(), newer);
            return None;
        };
        if there.seq > seq {
            return Some(newer.call);
        }
        // However often it changes, it is not held back for longer.
        newer.ripe = there.ripe;
        newer.weight.is_call |= there.weight.is_call;
        if !there.is_refused {
            // The other side is as far away for this one.
            (newer.at, newer.attempts) = (there.at, there.attempts);
        }
        Some(std::mem::replace(there, newer).call)
    }

    /// Returns all that waits.
    pub(super) fn calls(&self) -> impl Iterator<Item = &C> {
        self.waiting.values().map(|waiting| &waiting.call)
    }

    /// Says whether something of this incident waits.
    pub(super) fn has(&self, id: &IncidentId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Returns when something is to be sent, if anything is.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let next = self.budget.from(self.waiting.values().map(Waiting::at).min()?);
        let calls = self.waiting.values().filter(|waiting| waiting.weight.is_call);
        let call = calls.map(Waiting::at).min().map(|at| self.budget.soon(at));
        let next = call.map_or(next, |call| call.min(next));
        Some(self.quiet.map_or(next, |quiet| quiet.max(next)))
    }

    /// Says whether the other side asked for silence.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.quiet.is_some_and(|quiet| quiet > now)
    }

    /// Returns what is to be sent now, the most severe first: one alone, or all of it together where it
    /// would be too many messages otherwise.
    pub(super) fn due(&self, now: Instant) -> Vec<Due<'_, C>> {
        let mut due: Vec<_> =
            self.waiting.iter().filter(|(_, waiting)| waiting.at() <= now).collect();
        due.sort_by_key(|(_, waiting)| (std::cmp::Reverse(waiting.weight), waiting.at()));
        let has_call = due.iter().any(|(_, waiting)| waiting.weight.is_call);
        let most = match self.budget.room(now) {
            0 if has_call && self.budget.soon(now) <= now => LINES,
            0 => 0,
            // There is room for one more, and what is left over goes with it.
            1 => LINES,
            _ => 1,
        };
        due.truncate(if self.is_quiet(now) { 0 } else { most });
        let due = due.into_iter();
        due.map(|(id, waiting)| {
            let Waiting { seq, call, is_short, .. } = waiting;
            Due { id, seq: *seq, call, is_short: *is_short }
        })
        .collect()
    }

    /// Notes that the other side took a message.
    pub(super) fn sent(&mut self, now: Instant) {
        self.budget.note(now);
        self.reached(now);
    }

    /// Takes away what the other side has. What is newer waits until the next change may have come.
    pub(super) fn taken(&mut self, id: &IncidentId, seq: u64, now: Instant) -> Option<C> {
        let ripe = self.budget.ripe(now);
        let waiting = self.waiting.get_mut(id)?;
        if waiting.seq != seq {
            waiting.ripe = ripe;
            return None;
        }
        self.waiting.remove(id).map(|waiting| waiting.call)
    }

    /// Notes that the other side is there: what waits for it need not wait any longer.
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
