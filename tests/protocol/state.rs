//! Everything that can differ between two moments of the system.

use crate::action::Load;
use crate::breach::Breaches;
use crate::record::{Claim, Event, Record, Steps};

/// How many revisions a guest can be asked for.
pub(crate) const REVISIONS: usize = 2;
/// How many workers a host has. Two are enough for one to overtake the other.
pub(crate) const WORKERS: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) guests: Vec<Guest>,
    pub(crate) workers: [Worker; WORKERS],
    /// An append that is still on its way although its writer does not wait for it any more: a
    /// client sends after a reconnect what it has already reported as timed out.
    pub(crate) late: Option<Append>,
    pub(crate) left: Faults,
    pub(crate) breaches: Breaches,
}

/// The faults that may still happen. That they end is what makes the system come to rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    pub(crate) crashes: u8,
    /// A token is delivered although somebody is working on it.
    pub(crate) redeliveries: u8,
    pub(crate) lost_tokens: u8,
    /// An append landed, and its writer is told of an error.
    pub(crate) lost_answers: u8,
    /// An append is refused although it expected the right thing.
    pub(crate) refusals: u8,
    pub(crate) late_appends: u8,
    pub(crate) stale_reads: u8,
    /// A change ends without effect.
    pub(crate) failures: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guest {
    pub(crate) log: Log,
    pub(crate) token: Token,
    /// What of each revision was applied to the host.
    pub(crate) applied: [Steps; REVISIONS],
    /// The change each worker's place is busy with; it outlives the worker.
    pub(crate) children: [Option<Child>; WORKERS],
    /// How many of the requests were made.
    pub(crate) asked: u8,
    /// An event that the dispatcher has not looked at yet. Only kept where nothing sweeps.
    pub(crate) news: bool,
    pub(crate) was_completed: bool,
    /// How many changes began after somebody asked to cancel.
    pub(crate) begun_late: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Log {
    pub(crate) sequence: u8,
    pub(crate) last: Record,
    pub(crate) is_last_by_requester: bool,
    /// What a stale read returns. Only kept while one may happen.
    pub(crate) before: Option<Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Token {
    Absent,
    Queued,
    Delivered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Child {
    pub(crate) step: u8,
    pub(crate) revision: u8,
    pub(crate) is_orphan: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Worker {
    Idle,
    /// It has a token and no lock yet.
    Waiting {
        guest: usize,
        token: Held,
    },
    /// It has the lock.
    Busy(Job),
}

/// Whether the token that a worker was given is still the one in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Held {
    Current,
    Former,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Job {
    pub(crate) guest: usize,
    pub(crate) token: Held,
    pub(crate) phase: Phase,
    pub(crate) known: Known,
    pub(crate) claim: Claim,
    pub(crate) outbox: Outbox,
}

/// The event that a worker believes to be the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Known {
    pub(crate) sequence: u8,
    pub(crate) record: Record,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    Claiming,
    /// About to look whether a step's effect is there.
    Looking(u8),
    /// It saw that the effect is missing, and starts the change next.
    Starting(u8),
    Applying(u8),
    /// The last event is in the outbox.
    Ending,
    Finished,
    /// The token was for nothing.
    Needless,
    Acknowledged,
    Fenced,
}

/// What a worker has still to get into the log, in order. Only the first is on its way: what the
/// second has to expect is known when the first was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Outbox {
    pub(crate) first: Option<Event>,
    pub(crate) second: Option<Event>,
    pub(crate) sending: Sending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sending {
    Plain,
    /// Behind what a requester wrote in between.
    Rebased,
    /// There was an error, so that nobody knows whether it landed.
    Doubtful,
    /// Without expectation, which only a planted bug does.
    Forced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Append {
    pub(crate) guest: usize,
    pub(crate) claim: Claim,
    /// What has to be the last event.
    pub(crate) base: Known,
    pub(crate) events: [Option<Event>; 2],
}

impl Phase {
    /// Says whether what the worker knows does not matter any more.
    pub(crate) fn is_over(self) -> bool {
        match self {
            Self::Claiming
            | Self::Looking(_)
            | Self::Starting(_)
            | Self::Applying(_)
            | Self::Ending => false,
            Self::Finished | Self::Needless | Self::Acknowledged | Self::Fenced => true,
        }
    }
}

impl Job {
    /// Returns what is on its way.
    pub(crate) fn append(&self, load: Load) -> Append {
        let Self { guest, claim, known: base, outbox, .. } = *self;
        let second = match load {
            Load::First => None,
            Load::Batch => outbox.second,
        };
        Append { guest, claim, base, events: [outbox.first, second] }
    }
}

impl Outbox {
    pub(crate) const EMPTY: Self = Self { first: None, second: None, sending: Sending::Plain };

    /// Holds one event.
    pub(crate) fn of(event: Event) -> Self {
        Self { first: Some(event), ..Self::EMPTY }
    }

    pub(crate) fn is_full(self) -> bool {
        self.second.is_some()
    }

    pub(crate) fn and(self, event: Event) -> Self {
        if self.first.is_none() { Self::of(event) } else { Self { second: Some(event), ..self } }
    }

    pub(crate) fn rest(self) -> Self {
        Self { first: self.second, ..Self::EMPTY }
    }
}

impl Worker {
    pub(crate) fn job(&self) -> Option<&Job> {
        match self {
            Self::Idle | Self::Waiting { .. } => None,
            Self::Busy(job) => Some(job),
        }
    }

    /// Says whether it was given the token that is in the queue.
    pub(crate) fn holds_token(&self, of: usize) -> bool {
        match *self {
            Self::Idle => false,
            Self::Waiting { guest, token } | Self::Busy(Job { guest, token, .. }) => {
                guest == of && token == Held::Current
            }
        }
    }
}

impl State {
    /// Takes the token out of the queue, whoever has it in hand.
    pub(crate) fn drop_token(&mut self, of: usize) {
        self.guests[of].token = Token::Absent;
        for worker in &mut self.workers {
            match worker {
                Worker::Idle => {}
                Worker::Waiting { guest, token } | Worker::Busy(Job { guest, token, .. }) => {
                    if *guest == of {
                        *token = Held::Former;
                    }
                }
            }
        }
    }

    /// Returns a claim that nobody remembers. Real ones are never used again; these are when
    /// nothing can tell, which makes fewer states.
    pub(crate) fn fresh_claim(&self, guest: usize) -> Claim {
        let log = &self.guests[guest].log;
        let read = [Some(log.last), log.before].into_iter().flatten();
        let jobs = self.workers.iter().filter_map(Worker::job);
        let used: Vec<Claim> = read
            .map(|record| record.work.claim)
            .chain(jobs.flat_map(|job| [job.claim, job.known.record.work.claim]))
            .chain(self.late.iter().flat_map(|late| [late.claim, late.base.record.work.claim]))
            .collect();
        (1..=Claim::MAX).find(|claim| !used.contains(claim)).unwrap_or_default()
    }
}
