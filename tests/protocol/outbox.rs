//! How a worker gets an event into the log, and learns what became of it.

use crate::action::{Fate, Load, View};
use crate::bugs::Bug;
use crate::log::{self, Expectation};
use crate::protocol::Protocol;
use crate::record::Event;
use crate::state::{Append, Job, Known, Outbox, Phase, Sending, State, Worker};

impl Protocol {
    /// Says whether what a worker sends would be accepted.
    pub(crate) fn would_land(&self, state: &State, job: &Job) -> bool {
        match self.expectation(job) {
            Expectation::Nothing => true,
            Expectation::Last => state.guests[job.guest].log.sequence == job.known.sequence,
        }
    }

    fn expectation(&self, job: &Job) -> Expectation {
        if self.has(Bug::NoCompareAndSet) || job.outbox.sending == Sending::Forced {
            Expectation::Nothing
        } else {
            Expectation::Last
        }
    }

    /// Decides what becomes of the append that is on its way. That the server takes it and that the
    /// worker hears of it is one action: until it hears, the worker behaves as if it were on its way.
    pub(crate) fn send(&self, state: &mut State, worker: usize, load: Load, fate: Fate) {
        let Worker::Busy(mut job) = state.workers[worker] else { return };
        let append = job.append(load);
        let expectation = self.expectation(&job);
        job.outbox.sending = Sending::Doubtful;
        match fate {
            Fate::Refused => state.left.refusals -= 1,
            Fate::Delayed => {
                state.left.late_appends -= 1;
                state.late = Some(append);
            }
            Fate::AnswerLost => {
                state.left.lost_answers -= 1;
                self.append(state, append, expectation);
            }
            Fate::Answered => {
                if self.append(state, append, expectation) {
                    let log = &state.guests[job.guest].log;
                    let known = Known { sequence: log.sequence, record: log.last };
                    job = landed(job, known, load);
                } else if self.has(Bug::PipelinedByNumber) {
                    self.append_ahead(state, append, job.outbox.second);
                }
            }
        }
        state.workers[worker] = Worker::Busy(job);
    }

    /// Appends what was sent behind an append that was refused, as if that one had landed.
    fn append_ahead(&self, state: &mut State, refused: Append, second: Option<Event>) {
        let [Some(first), _] = refused.events else { return };
        let sequence = refused.base.sequence + 1;
        let base = Known { sequence, record: refused.base.record.after(first) };
        self.append(state, Append { base, events: [second, None], ..refused }, Expectation::Last);
    }

    /// Reads the log behind an error: mine, unchanged, the same claim, or fenced.
    pub(crate) fn settle(&self, state: &mut State, worker: usize, view: View) {
        let Worker::Busy(mut job) = state.workers[worker] else { return };
        let Some(event) = job.outbox.first else { return };
        let seen = log::seen(state, job.guest, view);
        Self::count(state, view);
        let work = seen.record.work;
        // Behind a claim there is nothing in the outbox yet.
        let mine = if let Event::Claimed { claim, .. } = event {
            u8::from(work.claim == claim)
        } else if work.claim == job.claim {
            work.entry.saturating_sub(job.known.record.work.entry)
        } else {
            0
        };
        let is_mine = mine > 0 && !state.guests[job.guest].log.is_last_by_requester;
        if self.has(Bug::LostAckMeansFailed) {
            job.known = seen;
            job.outbox.sending = Sending::Forced;
        } else if is_mine {
            let load = if mine > 1 { Load::Batch } else { Load::First };
            job = landed(job, seen, load);
        } else if seen.sequence <= job.known.sequence {
            job.outbox.sending = Sending::Plain;
        } else if work.claim == job.known.record.work.claim || self.has(Bug::FencedGoesOn) {
            job = self.rebased(state, job, seen, event);
        } else {
            job.phase = Phase::Fenced;
        }
        state.workers[worker] = Worker::Busy(job);
    }

    fn rebased(&self, state: &State, job: Job, seen: Known, event: Event) -> Job {
        let first = if let Event::Claimed { claim, .. } = event {
            if !self.may_claim(state, job.guest, seen.record) {
                return Job { phase: Phase::Needless, ..job };
            }
            Event::Claimed { claim, revision: seen.record.desired.revision }
        } else {
            event
        };
        let outbox = Outbox { first: Some(first), sending: Sending::Rebased, ..job.outbox };
        let mut known = seen;
        if self.has(Bug::RebaseKeepsDesired) {
            known.record.desired = job.known.record.desired;
        }
        Job { known, outbox, ..job }
    }

    pub(crate) fn late_lands(&self, state: &mut State) {
        let Some(late) = state.late.take() else { return };
        self.append(state, late, Expectation::Last);
    }
}

/// Returns the job after what was sent landed.
fn landed(job: Job, known: Known, load: Load) -> Job {
    let outbox = match load {
        Load::First => job.outbox.rest(),
        Load::Batch => Outbox::EMPTY,
    };
    let phase = match job.phase {
        Phase::Claiming => Phase::Looking(0),
        Phase::Ending if outbox.first.is_none() => Phase::Finished,
        phase @ (Phase::Looking(_)
        | Phase::Starting(_)
        | Phase::Applying(_)
        | Phase::Ending
        | Phase::Finished
        | Phase::Needless
        | Phase::Acknowledged
        | Phase::Fenced) => phase,
    };
    Job { phase, known, outbox, ..job }
}
