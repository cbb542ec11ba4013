//! The record of a guest: what its last event carries, and how one event leads to the next.

/// Some of the steps of a guest, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Steps(u8);

impl Steps {
    /// Returns the first so many.
    pub(crate) fn first(count: u8) -> Self {
        Self((1 << count) - 1)
    }

    pub(crate) fn has(self, step: u8) -> bool {
        self.0 & (1 << step) != 0
    }

    pub(crate) fn and(self, step: u8) -> Self {
        Self(self.0 | (1 << step))
    }
}

/// What the requesters want. Executors copy it and never change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Desired {
    /// Zero before anybody asked for anything.
    pub(crate) revision: u8,
    pub(crate) cancelled: bool,
}

/// How far the work on a guest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Standing {
    #[default]
    Requested,
    Working,
    RetryWait,
    Completed,
    Cancelled,
    Failed,
}

/// Names one claim. Zero is nobody's.
pub(crate) type Claim = u8;

/// What the executors did. Requesters copy it and never change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Work {
    pub(crate) standing: Standing,
    pub(crate) revision: u8,
    pub(crate) claim: Claim,
    /// Counts the events of the claim. With the claim it names the last one an executor wrote, also
    /// after requesters wrote behind it: they copy this half.
    pub(crate) entry: u8,
    pub(crate) steps: Steps,
    pub(crate) idle_claims: u8,
}

/// The whole state of a guest, as every event carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) desired: Desired,
    pub(crate) work: Work,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Event {
    Requested,
    CancelRequested,
    Claimed { claim: Claim, revision: u8 },
    StepTaken { step: u8 },
    RetryWait,
    Completed,
    Cancelled { revision: u8 },
    Failed,
}

impl Record {
    /// Returns the record after an event. It is both what a writer writes, from the record it
    /// believes to be the last, and what the log should be, from the record that was.
    pub(crate) fn after(mut self, event: Event) -> Self {
        match event {
            Event::Requested => {
                self.desired = Desired { revision: self.desired.revision + 1, cancelled: false };
                return self;
            }
            Event::CancelRequested => {
                self.desired.cancelled = true;
                return self;
            }
            Event::Claimed { claim, revision } => {
                let same = self.work.revision == revision;
                self.work = Work {
                    standing: Standing::Working,
                    revision,
                    claim,
                    entry: 0,
                    steps: if same { self.work.steps } else { Steps::default() },
                    idle_claims: if same { self.work.idle_claims + 1 } else { 1 },
                };
                return self;
            }
            Event::StepTaken { step } => {
                self.work.steps = self.work.steps.and(step);
                self.work.idle_claims = 0;
            }
            Event::RetryWait => self.work.standing = Standing::RetryWait,
            Event::Completed => self.work.standing = Standing::Completed,
            Event::Failed => self.work.standing = Standing::Failed,
            Event::Cancelled { revision } => {
                self.work.standing = Standing::Cancelled;
                if self.work.revision != revision {
                    self.work.revision = revision;
                    self.work.steps = Steps::default();
                }
            }
        }
        self.work.entry += 1;
        self
    }

    /// Says whether something newer is wanted than what was worked on.
    pub(crate) fn is_superseded(self) -> bool {
        self.desired.revision > self.work.revision
    }

    /// Says whether there is something left to do, be it only to write down that it is cancelled.
    pub(crate) fn is_owed(self) -> bool {
        self.is_superseded()
            || match self.work.standing {
                Standing::Requested => self.desired.revision > 0,
                Standing::Working | Standing::RetryWait => true,
                Standing::Completed | Standing::Cancelled | Standing::Failed => false,
            }
    }

    /// Says whether there is something to do at once, that is without waiting for a retry.
    pub(crate) fn is_urgent(self) -> bool {
        self.is_owed()
            && (self.is_superseded()
                || self.desired.cancelled
                || self.work.standing != Standing::RetryWait)
    }
}
