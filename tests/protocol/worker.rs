//! What a worker does with a token: it reads, claims, and walks the steps.

use crate::action::View;
use crate::bugs::Bug;
use crate::log;
use crate::protocol::Protocol;
use crate::record::{Event, Record};
use crate::state::{Held, Job, Known, Outbox, Phase, State, Worker};

/// What a worker makes of what it saw before a step.
enum Verdict {
    /// What it wants to do has to wait for its outbox.
    Wait,
    Fenced,
    Claim,
    /// The way ends here.
    End(Event),
    /// The effect is there and written down.
    Skip,
    /// The effect is there.
    Note,
    Act,
}

impl Protocol {
    /// Takes the lock and reads the log, or only reads it when it has the lock already.
    pub(crate) fn read(&self, state: &mut State, worker: usize, view: View) {
        let (guest, token, is_again) = match state.workers[worker] {
            Worker::Idle => return,
            Worker::Waiting { guest, token } => (guest, token, false),
            Worker::Busy(job) => (job.guest, job.token, true),
        };
        let known = log::seen(state, guest, view);
        Self::count(state, view);
        let job =
            Job { guest, token, phase: Phase::Needless, known, claim: 0, outbox: Outbox::EMPTY };
        // Behind an acknowledgement a retry is not due yet.
        let is_due = !is_again || known.record.is_urgent();
        state.workers[worker] = if is_due && self.may_claim(state, guest, known.record) {
            self.claim(state, job)
        } else if is_again {
            Worker::Idle
        } else {
            Worker::Busy(job)
        };
    }

    /// Says whether there is something to claim. It is asked here although the dispatcher has asked
    /// it already: a token may be there for a cancellation that was superseded.
    pub(crate) fn may_claim(&self, state: &State, guest: usize, record: Record) -> bool {
        record.is_owed() && (record.desired.cancelled || !self.must_wait(state, guest))
    }

    /// Returns the job with the claim in its outbox.
    pub(crate) fn claim(&self, state: &mut State, job: Job) -> Worker {
        let claim = state.fresh_claim(job.guest);
        let mut token = job.token;
        if self.has(Bug::AckBeforeCompleted) && token == Held::Current {
            state.drop_token(job.guest);
            token = Held::Former;
        }
        let revision = job.known.record.desired.revision;
        Worker::Busy(Job {
            token,
            phase: Phase::Claiming,
            claim,
            outbox: Outbox::of(Event::Claimed { claim, revision }),
            ..job
        })
    }

    pub(crate) fn may_look(&self, state: &State, job: &Job, step: u8, view: View) -> bool {
        match self.judge(state, job, step, log::seen(state, job.guest, view)) {
            Verdict::Wait => false,
            Verdict::Fenced
            | Verdict::Claim
            | Verdict::End(_)
            | Verdict::Skip
            | Verdict::Note
            | Verdict::Act => true,
        }
    }

    /// Looks at the log and at the host before a step.
    pub(crate) fn look(&self, state: &mut State, worker: usize, view: View) {
        let Worker::Busy(mut job) = state.workers[worker] else { return };
        let Phase::Looking(step) = job.phase else { return };
        let seen = log::seen(state, job.guest, view);
        let verdict = self.judge(state, &job, step, seen);
        Self::count(state, view);
        if seen.sequence > job.known.sequence
            && seen.record.work.claim == job.claim
            && job.outbox.first.is_none()
        {
            job.known = seen;
        }
        match verdict {
            Verdict::Wait => {}
            Verdict::Fenced => job.phase = Phase::Fenced,
            Verdict::Claim => {
                state.workers[worker] = self.claim(state, job);
                return;
            }
            Verdict::End(event) => {
                job.outbox = job.outbox.and(event);
                job.phase = Phase::Ending;
            }
            Verdict::Skip => job.phase = Phase::Looking(step + 1),
            Verdict::Note => {
                job.outbox = job.outbox.and(Event::StepTaken { step });
                job.phase = Phase::Looking(step + 1);
            }
            Verdict::Act => job.phase = Phase::Starting(step),
        }
        state.workers[worker] = Worker::Busy(job);
    }

    fn judge(&self, state: &State, job: &Job, step: u8, seen: Known) -> Verdict {
        let work = job.known.record.work;
        let is_newer = seen.sequence > job.known.sequence;
        if is_newer && seen.record.work.claim != job.claim && !self.has(Bug::FencedGoesOn) {
            return Verdict::Fenced;
        }
        let desired = if is_newer { seen.record.desired } else { job.known.record.desired };
        let is_cancelled = desired.cancelled && !self.has(Bug::CancelNotRead);
        let is_superseded = desired.revision > work.revision;
        let is_hopeless = work.idle_claims > self.idle_claims;
        if is_cancelled || is_superseded || is_hopeless {
            return match () {
                () if job.outbox.first.is_some() => Verdict::Wait,
                () if is_cancelled => Verdict::End(Event::Cancelled { revision: desired.revision }),
                // It was claimed to be cancelled, and is wanted again.
                () if is_superseded && self.must_wait(state, job.guest) => {
                    Verdict::End(Event::Cancelled { revision: work.revision })
                }
                () if is_superseded => Verdict::Claim,
                () => Verdict::End(Event::Failed),
            };
        }
        if job.outbox.is_full() {
            return Verdict::Wait;
        }
        if step == self.steps {
            return Verdict::End(Event::Completed);
        }
        let is_recorded = work.steps.has(step);
        let revision = usize::from(work.revision).saturating_sub(1);
        let is_there = if self.has(Bug::NoLookBeforeActing) {
            is_recorded
        } else {
            state.guests[job.guest].applied[revision].has(step)
        };
        match (is_there, is_recorded) {
            (true, true) => Verdict::Skip,
            (true, false) => Verdict::Note,
            (false, _) => Verdict::Act,
        }
    }

    fn must_wait(&self, state: &State, guest: usize) -> bool {
        self.is_blocked(state, guest)
            && !self.has(Bug::ChildBeforeParent)
            && !self.has(Bug::OnlyDispatcherWaits)
    }

    /// Takes a stale read off those that may still happen.
    pub(crate) fn count(state: &mut State, view: View) {
        match view {
            View::Fresh => {}
            View::Stale => state.left.stale_reads -= 1,
        }
    }
}
