//! How fast a channel may be told things: whoever gets a message a second reads none of them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How fast a channel may be told things.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long what is new is held back: what changes meanwhile is in the same message.
    pub(crate) gather: Duration,
    /// How many messages may go within the window.
    pub(crate) most: usize,
    /// The window.
    pub(crate) window: Duration,
    /// How far apart messages are that have to go though there are too many already.
    pub(crate) apart: Duration,
}

/// The messages that went lately.
#[derive(Debug)]
pub(super) struct Budget {
    pace: Pace,
    sent: VecDeque<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_secs(2),
            most: 10,
            window: Duration::from_mins(1),
            apart: Duration::from_secs(3),
        }
    }
}

impl Budget {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, sent: VecDeque::new() }
    }

    /// Returns when what is new now is ripe.
    pub(super) fn ripe(&self, now: Instant) -> Instant {
        now + self.pace.gather
    }

    /// Notes that a message went.
    pub(super) fn note(&mut self, now: Instant) {
        self.sent.push_back(now);
        while self.sent.len() > self.pace.most {
            self.sent.pop_front();
        }
    }

    /// Returns how many more may go then.
    pub(super) fn room(&self, at: Instant) -> usize {
        let lately = self.sent.iter().filter(|sent| at < **sent + self.pace.window);
        self.pace.most.saturating_sub(lately.count())
    }

    /// Returns when the next one may go: at this time, or once there is room.
    pub(super) fn from(&self, at: Instant) -> Instant {
        let is_full = self.sent.len() == self.pace.most;
        let free = self.sent.front().filter(|_| is_full).map(|sent| *sent + self.pace.window);
        free.map_or(at, |free| free.max(at))
    }

    /// Returns when one may go that has to, at this time or soon after.
    pub(super) fn soon(&self, at: Instant) -> Instant {
        let last = self.sent.back().filter(|_| self.room(at) == 0);
        last.map_or(at, |last| (*last + self.pace.apart).max(at))
    }
}
