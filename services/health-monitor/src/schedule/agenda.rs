//! Whose turn comes when.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use phoenix_domain::GuestKey;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::dice::Dice;

/// A turn of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) slot: u32,
    pub(super) guest: GuestKey,
}

/// Whose turn comes when. Of each guest one is asked at a time; the others wait in line.
#[derive(Debug)]
pub(super) struct Agenda {
    period: Duration,
    dice: Dice,
    /// With whether it has waited in line already.
    turns: BinaryHeap<Reverse<(Instant, Turn, bool)>>,
    /// Those whose turn it is while another of their guest is asked.
    lines: FxHashMap<GuestKey, VecDeque<(Instant, Turn)>>,
    /// When the turn of each was that is asked now.
    asked: FxHashMap<u32, Instant>,
}

impl Agenda {
    pub(super) fn new(period: Duration, seed: u64) -> Self {
        let (turns, lines, asked) = Default::default();
        Self { period, dice: Dice::new(seed), turns, lines, asked }
    }

    /// Gives an endpoint its first turn, any time within the period.
    pub(super) fn begin(&mut self, turn: Turn, now: Instant) {
        let at = now + self.dice.within(self.period);
        self.turns.push(Reverse((at, turn, false)));
    }

    /// Returns when the next turn is.
    pub(super) fn next(&self) -> Option<Instant> {
        self.turns.peek().map(|Reverse((at, ..))| *at)
    }

    /// Returns one whose turn it is, and how late that is, if that is nobody's but the schedule's fault.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Turn, Option<Duration>)> {
        loop {
            let Reverse((at, turn, has_waited)) =
                *self.turns.peek().filter(|Reverse((at, ..))| *at <= now)?;
            self.turns.pop();
            match self.lines.entry(turn.guest) {
                Entry::Occupied(mut line) => line.get_mut().push_back((at, turn)),
                Entry::Vacant(free) => {
                    free.insert(VecDeque::new());
                    self.asked.insert(turn.slot, at);
                    return Some((turn, (!has_waited).then_some(now - at)));
                }
            }
        }
    }

    /// Gives an endpoint that was asked its next turn. It goes by when its turn was, not by when it was
    /// asked, so that being late does not add up; turns that have passed are left out.
    pub(super) fn done(&mut self, turn: Turn, now: Instant) {
        let was = self.asked.get(&turn.slot).copied().unwrap_or(now);
        let at = was + self.dice.about(self.period);
        let at = if at > now { at } else { now + self.dice.within(self.period) };
        self.turns.push(Reverse((at, turn, false)));
        self.forget(turn);
    }

    /// Ends a turn that has no next one, and lets in the next of its guest.
    pub(super) fn forget(&mut self, turn: Turn) {
        self.asked.remove(&turn.slot);
        let line = self.lines.remove(&turn.guest).unwrap_or_default();
        // They go through the door again, the first of them first.
        self.turns.extend(line.into_iter().map(|(at, turn)| Reverse((at, turn, true))));
    }

    /// Spreads all whose turn has passed over the period to come: nobody is asked in a burst because
    /// time has passed in which nobody was asked.
    pub(super) fn spread(&mut self, now: Instant) {
        let mut passed = Vec::new();
        while let Some(Reverse((at, turn, _))) = self.turns.peek().copied() {
            if at > now {
                break;
            }
            self.turns.pop();
            passed.push(turn);
        }
        for turn in passed {
            self.begin(turn, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn being_asked_late_does_not_add_up() {
        const PERIOD: Duration = Duration::from_secs(10);
        let mut agenda = Agenda::new(PERIOD, 7);
        let turn = Turn { slot: 1, guest: "lxc-950".parse().unwrap() };
        let begun = Instant::now();
        agenda.begin(turn, begun);

        for _ in 0..200 {
            let late = agenda.next().unwrap() + PERIOD / 5;
            assert_eq!(agenda.pop(late), Some((turn, Some(PERIOD / 5))));
            agenda.done(turn, late);
        }

        let passed = agenda.next().unwrap() - begun;
        assert!(passed < PERIOD * 206 && passed > PERIOD * 195, "{passed:?}");
    }

    #[test]
    fn turns_that_have_passed_are_left_out() {
        const PERIOD: Duration = Duration::from_secs(10);
        let mut agenda = Agenda::new(PERIOD, 7);
        let turn = Turn { slot: 1, guest: "lxc-950".parse().unwrap() };
        agenda.begin(turn, Instant::now());
        let due = agenda.next().unwrap();
        agenda.pop(due);

        let much_later = due + PERIOD * 100;
        agenda.done(turn, much_later);

        assert!(agenda.next().unwrap() >= much_later);
    }
}
