//! The host: changes, and the children that apply them.

use crate::action::Outcome;
use crate::breach::Breach;
use crate::protocol::Protocol;
use crate::record::{Event, Standing};
use crate::state::{Child, Phase, State, Worker};

impl Protocol {
    /// Starts the child that applies a step.
    pub(crate) fn start(&self, state: &mut State, worker: usize) {
        let Worker::Busy(mut job) = state.workers[worker] else { return };
        let Phase::Starting(step) = job.phase else { return };
        let revision = job.known.record.work.revision;
        let guest = &mut state.guests[job.guest];
        let last = guest.log.last;
        if guest.children.iter().any(Option::is_some) {
            state.breaches.add(Breach::Overlap);
        }
        if last.work.claim != job.claim {
            state.breaches.add(Breach::BegunUnclaimed);
        }
        if last.work.standing == Standing::Cancelled && last.work.revision >= revision {
            state.breaches.add(Breach::BegunAfterCancelled);
        }
        if last.desired.cancelled {
            guest.begun_late += 1;
            if guest.begun_late > 1 + self.faults.stale_reads {
                state.breaches.add(Breach::BegunLongAfterCancel);
            }
        }
        guest.children[worker] = Some(Child { step, revision, is_orphan: false });
        job.phase = Phase::Applying(step);
        state.workers[worker] = Worker::Busy(job);
    }

    /// Ends a child, whether or not its worker still waits for it.
    pub(crate) fn child_ends(state: &mut State, worker: usize, at: usize, outcome: Outcome) {
        let guest = &mut state.guests[at];
        let Some(child) = guest.children[worker].take() else { return };
        match outcome {
            Outcome::Failed => state.left.failures -= 1,
            Outcome::Done => {
                let revision = usize::from(child.revision).saturating_sub(1);
                if guest.applied[revision].has(child.step) {
                    state.breaches.add(Breach::AppliedTwice);
                }
                if guest.applied.iter().skip(revision + 1).any(|newer| newer.has(child.step)) {
                    state.breaches.add(Breach::Undone);
                }
                guest.applied[revision] = guest.applied[revision].and(child.step);
            }
        }
        if child.is_orphan {
            return;
        }
        let Worker::Busy(job) = &mut state.workers[worker] else { return };
        if job.phase != Phase::Applying(child.step) || job.guest != at {
            return; // The worker was fenced, and goes without it.
        }
        // That every change is looked at again is in here: the outcome is the truth.
        match outcome {
            Outcome::Done => {
                job.outbox = job.outbox.and(Event::StepTaken { step: child.step });
                job.phase = Phase::Looking(child.step + 1);
            }
            Outcome::Failed => {
                job.outbox = job.outbox.and(Event::RetryWait);
                job.phase = Phase::Ending;
            }
        }
    }
}
