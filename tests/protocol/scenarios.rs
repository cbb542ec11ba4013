//! The systems that are explored to the last state.

use crate::breach::{Breach, Breaches};
use crate::properties::{
    AGAIN, FENCED, IS_CANCELLED, IS_FAILED, ORPHAN, PIPELINED, REBASED, RETRIED,
};
use crate::protocol::{Batches, Dependencies, Dispatcher, Lock, Protocol, Request};
use crate::state::Faults;

/// One guest that is asked for once, and nothing goes wrong.
pub(crate) fn calm() -> Protocol {
    Protocol {
        steps: 2,
        requests: vec![vec![Request::Submit]],
        dependencies: Dependencies::None,
        faults: Faults::default(),
        dispatcher: Dispatcher::Sweeps,
        idle_claims: 5,
        lock: Lock::OneHost,
        batches: Batches::None,
        tolerated: Breaches::default(),
        bug: None,
    }
}

pub(crate) const CRASHES: [&str; 7] =
    [REBASED, FENCED, ORPHAN, AGAIN, IS_FAILED, RETRIED, PIPELINED];

/// Workers die, and everything between them and the log goes wrong.
pub(crate) fn crashes() -> Protocol {
    Protocol {
        steps: 3,
        faults: Faults {
            crashes: 2,
            redeliveries: 1,
            lost_tokens: 1,
            lost_answers: 1,
            refusals: 1,
            late_appends: 1,
            stale_reads: 1,
            failures: 1,
        },
        idle_claims: 2,
        batches: Batches::Allowed,
        ..calm()
    }
}

pub(crate) const REQUESTS: [&str; 6] = [REBASED, FENCED, ORPHAN, AGAIN, IS_CANCELLED, PIPELINED];

/// Requesters change their minds while a worker is at it.
pub(crate) fn requests() -> Protocol {
    Protocol {
        requests: vec![vec![Request::Submit, Request::Submit, Request::Cancel]],
        faults: Faults {
            crashes: 2,
            redeliveries: 1,
            lost_tokens: 0,
            lost_answers: 1,
            refusals: 1,
            late_appends: 1,
            stale_reads: 1,
            failures: 0,
        },
        batches: Batches::Allowed,
        ..calm()
    }
}

pub(crate) const FAMILY: [&str; 4] = [REBASED, ORPHAN, AGAIN, IS_CANCELLED];

/// A guest waits for another, which may be cancelled.
pub(crate) fn family() -> Protocol {
    Protocol {
        steps: 1,
        requests: vec![
            vec![Request::Submit, Request::Submit],
            vec![Request::Submit, Request::Cancel, Request::Submit],
        ],
        dependencies: Dependencies::Chain,
        faults: Faults { crashes: 1, redeliveries: 1, lost_answers: 1, ..Faults::default() },
        ..calm()
    }
}

pub(crate) const WITHOUT_SWEEP: [&str; 5] = [REBASED, AGAIN, IS_CANCELLED, RETRIED, PIPELINED];

/// Nothing sweeps, and no token gets lost.
pub(crate) fn without_sweep() -> Protocol {
    Protocol {
        requests: vec![vec![Request::Submit, Request::Submit, Request::Cancel]],
        dispatcher: Dispatcher::Events,
        batches: Batches::Allowed,
        faults: Faults {
            redeliveries: 1,
            lost_answers: 2,
            late_appends: 1,
            failures: 1,
            ..Faults::default()
        },
        ..calm()
    }
}

pub(crate) const WITHOUT_LOCK: [&str; 4] = [REBASED, FENCED, ORPHAN, PIPELINED];

/// The workers do not share a lock: changes meet, and the log stays what it should be.
pub(crate) fn without_lock() -> Protocol {
    Protocol {
        requests: vec![vec![Request::Submit, Request::Submit]],
        lock: Lock::None,
        faults: Faults { crashes: 1, redeliveries: 1, lost_answers: 1, ..Faults::default() },
        tolerated: Breaches::of(&[
            Breach::AppliedTwice,
            Breach::Undone,
            Breach::Overlap,
            Breach::BegunUnclaimed,
            Breach::BegunAfterCancelled,
            Breach::BegunLongAfterCancel,
        ]),
        ..calm()
    }
}

/// A bit of everything that breaks, for what has to remember every state as a whole.
pub(crate) fn small_crashes() -> Protocol {
    Protocol {
        faults: Faults {
            crashes: 1,
            redeliveries: 1,
            lost_tokens: 1,
            lost_answers: 1,
            refusals: 1,
            late_appends: 1,
            stale_reads: 1,
            failures: 1,
        },
        ..calm()
    }
}

/// A bit of everything that is asked for, likewise.
pub(crate) fn small_family() -> Protocol {
    Protocol { faults: Faults { crashes: 1, ..Faults::default() }, ..family() }
}
