//! What is possible at a moment.

use crate::action::{Action, Crash, Fate, Load, Outcome, View};
use crate::bugs::Bug;
use crate::protocol::{Batches, Lock, Protocol, Request};
use crate::state::{Phase, Sending, State, Token, Worker};

impl Protocol {
    /// Says whether somebody may take the lock of a guest.
    fn is_free(&self, state: &State, guest: usize) -> bool {
        if self.lock == Lock::None || self.has(Bug::NoLock) {
            return true;
        }
        let by_worker = state.workers.iter().filter_map(Worker::job).any(|job| job.guest == guest);
        let by_child = state.guests[guest].children.iter().any(Option::is_some);
        !by_worker && (!by_child || self.has(Bug::LockNotInherited))
    }

    pub(crate) fn actions_around(&self, state: &State, at: usize, actions: &mut Vec<Action>) {
        let guest = &state.guests[at];
        let may_ask = match self.requests[at].get(usize::from(guest.asked)) {
            None => false,
            Some(Request::Submit | Request::Cancel) => true,
        };
        if may_ask {
            actions.push(Action::Ask { guest: at });
        }
        if self.may_publish(state, at) {
            actions.push(Action::Publish { guest: at });
        }
        if guest.token != Token::Absent && state.left.lost_tokens > 0 {
            actions.push(Action::LoseToken { guest: at });
        }
        for (worker, child) in guest.children.iter().enumerate() {
            if child.is_some() {
                actions.push(Action::ChildEnds { worker, guest: at, outcome: Outcome::Done });
                if state.left.failures > 0 {
                    let outcome = Outcome::Failed;
                    actions.push(Action::ChildEnds { worker, guest: at, outcome });
                }
            }
        }
        let is_held = state.workers.iter().any(|worker| worker.holds_token(at));
        let Some(worker) = state.workers.iter().position(|worker| *worker == Worker::Idle) else {
            return;
        };
        match guest.token {
            Token::Absent => {}
            Token::Delivered if is_held => {
                if state.left.redeliveries > 0 {
                    actions.push(Action::Redeliver { worker, guest: at });
                }
            }
            Token::Queued | Token::Delivered => {
                actions.push(Action::Deliver { worker, guest: at });
            }
        }
    }

    pub(crate) fn actions_of(&self, state: &State, worker: usize, actions: &mut Vec<Action>) {
        let may_crash = state.left.crashes > 0;
        let views = |guest: usize| {
            let is_stale = state.left.stale_reads > 0 && state.guests[guest].log.before.is_some();
            [Some(View::Fresh), is_stale.then_some(View::Stale)].into_iter().flatten()
        };
        let job = match &state.workers[worker] {
            Worker::Idle => return,
            Worker::Waiting { guest, .. } => {
                if self.is_free(state, *guest) {
                    actions.extend(views(*guest).map(|view| Action::Read { worker, view }));
                }
                if may_crash {
                    actions.push(Action::Crash { worker, crash: Crash::NothingSent });
                }
                return;
            }
            Worker::Busy(job) => job,
        };
        match job.phase {
            Phase::Claiming | Phase::Applying(_) | Phase::Ending => {}
            Phase::Looking(step) => {
                for view in views(job.guest) {
                    if self.may_look(state, job, step, view) {
                        actions.push(Action::Look { worker, view });
                    }
                }
            }
            Phase::Starting(_) => {
                // Only without a lock can the place of a worker still have the child of the last.
                if state.guests[job.guest].children[worker].is_none() {
                    actions.push(Action::Start { worker });
                }
            }
            Phase::Finished | Phase::Needless => actions.push(Action::Acknowledge { worker }),
            Phase::Acknowledged => {
                actions.extend(views(job.guest).map(|view| Action::Read { worker, view }));
            }
            Phase::Fenced => actions.push(Action::GiveUp { worker }),
        }
        let may_be_late = state.left.late_appends > 0 && state.late.is_none();
        let is_sending = job.outbox.first.is_some() && job.outbox.sending != Sending::Doubtful;
        let is_batch = self.batches == Batches::Allowed && job.outbox.second.is_some();
        let loads = [Some(Load::First), is_batch.then_some(Load::Batch)].into_iter().flatten();
        if is_sending {
            for load in loads.clone() {
                actions.push(Action::Send { worker, load, fate: Fate::Answered });
                // What would be refused anyway can have no other fate.
                let would_land = self.would_land(state, job);
                if state.left.lost_answers > 0 && would_land {
                    actions.push(Action::Send { worker, load, fate: Fate::AnswerLost });
                }
                if state.left.refusals > 0 && would_land {
                    actions.push(Action::Send { worker, load, fate: Fate::Refused });
                }
                if may_be_late && would_land {
                    actions.push(Action::Send { worker, load, fate: Fate::Delayed });
                }
            }
        } else if job.outbox.first.is_some() {
            actions.extend(views(job.guest).map(|view| Action::Settle { worker, view }));
        }
        if may_crash {
            actions.push(Action::Crash { worker, crash: Crash::NothingSent });
            if is_sending && may_be_late {
                actions.extend(loads.map(|load| {
                    let crash = Crash::AppendOnItsWay(load);
                    Action::Crash { worker, crash }
                }));
            }
        }
    }
}
