//! What can happen.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Fresh,
    Stale,
}

/// How much of an outbox is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    First,
    /// All that is in it, in one atomic batch.
    Batch,
}

/// What becomes of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    AnswerLost,
    Refused,
    /// The writer is told of a time-out, and the append lands later or not at all.
    Delayed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    NothingSent,
    AppendOnItsWay(Load),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Ask {
        guest: usize,
    },
    Publish {
        guest: usize,
    },
    LoseToken {
        guest: usize,
    },
    Deliver {
        worker: usize,
        guest: usize,
    },
    /// Delivers a token that somebody has in hand.
    Redeliver {
        worker: usize,
        guest: usize,
    },
    /// Takes the lock and reads the log; behind an acknowledgement only the latter.
    Read {
        worker: usize,
        view: View,
    },
    /// Decides what becomes of what a worker sent.
    Send {
        worker: usize,
        load: Load,
        fate: Fate,
    },
    /// Reads the log to learn what became of an append.
    Settle {
        worker: usize,
        view: View,
    },
    LateLands,
    Look {
        worker: usize,
        view: View,
    },
    Start {
        worker: usize,
    },
    ChildEnds {
        worker: usize,
        guest: usize,
        outcome: Outcome,
    },
    Acknowledge {
        worker: usize,
    },
    /// Ends a fenced job, without acknowledging.
    GiveUp {
        worker: usize,
    },
    Crash {
        worker: usize,
        crash: Crash,
    },
}

impl Action {
    /// Says whether it happens if nothing else does. Faults and requests may, or may not.
    pub(crate) fn is_certain(self) -> bool {
        match self {
            Self::Publish { .. }
            | Self::Deliver { .. }
            | Self::Start { .. }
            | Self::Acknowledge { .. }
            | Self::GiveUp { .. } => true,
            Self::Read { view, .. } | Self::Settle { view, .. } | Self::Look { view, .. } => {
                view == View::Fresh
            }
            Self::Send { fate, .. } => fate == Fate::Answered,
            Self::ChildEnds { outcome, .. } => outcome == Outcome::Done,
            Self::Ask { .. }
            | Self::LoseToken { .. }
            | Self::Redeliver { .. }
            | Self::LateLands
            | Self::Crash { .. } => false,
        }
    }
}
