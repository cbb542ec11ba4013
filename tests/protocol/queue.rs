//! The queue of tokens, and the dispatcher that fills it.

use crate::bugs::Bug;
use crate::protocol::{Dispatcher, Protocol};
use crate::record::Standing;
use crate::state::{Held, Job, Phase, State, Token, Worker};

impl Protocol {
    /// Says whether the dispatcher has something to publish, or to learn that it need not.
    pub(crate) fn may_publish(&self, state: &State, at: usize) -> bool {
        let guest = &state.guests[at];
        let last = guest.log.last;
        // Whoever is cancelled while it waits for another must not wait to be told.
        let is_blocked = self.is_blocked(state, at)
            && !last.desired.cancelled
            && !self.has(Bug::ChildBeforeParent);
        let is_left_out = last.desired.cancelled && self.has(Bug::CancelledIsNotRunnable);
        let is_runnable = last.is_owed() && !is_blocked && !is_left_out;
        match self.dispatcher {
            Dispatcher::Sweeps if !self.has(Bug::NoSweep) => {
                is_runnable && guest.token == Token::Absent
            }
            Dispatcher::Sweeps | Dispatcher::Events => {
                // A retry is in the dispatcher's calendar until it has been published.
                let is_due = last.work.standing == Standing::RetryWait;
                is_runnable && (guest.news || (is_due && guest.token == Token::Absent))
            }
        }
    }

    /// Publishes a token. It is refused while one is there, which is as good.
    pub(crate) fn publish(state: &mut State, guest: usize) {
        let guest = &mut state.guests[guest];
        guest.news = false;
        if guest.token == Token::Absent {
            guest.token = Token::Queued;
        }
    }

    pub(crate) fn lose_token(state: &mut State, guest: usize) {
        state.left.lost_tokens -= 1;
        state.drop_token(guest);
    }

    pub(crate) fn deliver(state: &mut State, worker: usize, guest: usize) {
        state.guests[guest].token = Token::Delivered;
        state.workers[worker] = Worker::Waiting { guest, token: Held::Current };
    }

    /// Acknowledges a token, whichever delivery of it.
    pub(crate) fn acknowledge(&self, state: &mut State, worker: usize) {
        let Worker::Busy(job) = state.workers[worker] else { return };
        if job.token == Held::Current {
            state.drop_token(job.guest);
        }
        state.workers[worker] = if self.has(Bug::NoReadAfterAck) {
            Worker::Idle
        } else {
            Worker::Busy(Job { token: Held::Former, phase: Phase::Acknowledged, ..job })
        };
    }
}
