//! The log of a guest: what is appended, by compare-and-set, and what readers see of it.

use crate::action::View;
use crate::breach::Breach;
use crate::bugs::Bug;
use crate::protocol::{Dispatcher, Protocol, Request};
use crate::record::{Claim, Event, Record, Standing, Steps};
use crate::state::{Append, Guest, Known, State};

impl Protocol {
    /// Makes the next request. A requester reads and appends until nobody was in between, so that
    /// for all others it is one action.
    pub(crate) fn ask(&self, state: &mut State, guest: usize) {
        let Guest { log, asked, .. } = &mut state.guests[guest];
        let request = self.requests[guest][usize::from(*asked)];
        *asked += 1;
        let last = log.last;
        let event = match request {
            Request::Submit => Event::Requested,
            // There is nothing to cancel any more, and the requester is told so.
            Request::Cancel if !last.is_owed() => return,
            Request::Cancel => Event::CancelRequested,
        };
        Self::put(state, guest, last.after(event), event);
        state.guests[guest].log.is_last_by_requester = self.has(Bug::MineByLastWriter);
        state.guests[guest].begun_late = 0;
        self.tell(state, guest);
    }

    /// Appends what an executor wrote, if the log is as it expected. Returns whether it did.
    pub(crate) fn append(
        &self,
        state: &mut State,
        append: Append,
        expectation: Expectation,
    ) -> bool {
        let Append { guest, claim, base, events } = append;
        if expectation == Expectation::Last && state.guests[guest].log.sequence != base.sequence {
            return false;
        }
        let mut record = base.record;
        for event in events.into_iter().flatten() {
            for breach in breaches(self, state, guest, claim, event) {
                state.breaches.add(breach);
            }
            record = record.after(event);
            Self::put(state, guest, record, event);
            if event == Event::Completed {
                state.guests[guest].was_completed = true;
                for child in guest + 1..state.guests.len() {
                    self.tell(state, child);
                }
            }
        }
        true
    }

    fn put(state: &mut State, guest: usize, record: Record, event: Event) {
        let Guest { log, .. } = &mut state.guests[guest];
        if record != log.last.after(event) {
            state.breaches.add(Breach::NotTheFold);
        }
        log.before = (state.left.stale_reads > 0).then_some(log.last);
        log.last = record;
        log.sequence += 1;
        log.is_last_by_requester = false;
    }

    /// Has the dispatcher look at a guest.
    fn tell(&self, state: &mut State, guest: usize) {
        state.guests[guest].news = match self.dispatcher {
            Dispatcher::Events => true,
            Dispatcher::Sweeps => self.has(Bug::NoSweep),
        };
    }
}

/// What a writer expects of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    Last,
    Nothing,
}

/// Returns what a reader sees.
pub(crate) fn seen(state: &State, guest: usize, view: View) -> Known {
    let log = &state.guests[guest].log;
    match (view, log.before) {
        (View::Stale, Some(before)) => Known { sequence: log.sequence - 1, record: before },
        (View::Stale, None) | (View::Fresh, _) => {
            Known { sequence: log.sequence, record: log.last }
        }
    }
}

fn breaches(
    protocol: &Protocol,
    state: &State,
    guest: usize,
    claim: Claim,
    event: Event,
) -> Vec<Breach> {
    let Guest { log, applied, .. } = &state.guests[guest];
    let work = log.last.work;
    let mut breaches = Vec::new();
    let is_holder = match event {
        Event::Requested | Event::CancelRequested | Event::Claimed { .. } => true,
        Event::StepTaken { .. }
        | Event::RetryWait
        | Event::Completed
        | Event::Cancelled { .. }
        | Event::Failed => work.claim == claim && work.standing == Standing::Working,
    };
    if !is_holder {
        breaches.push(Breach::NotTheHolder);
    }
    match event {
        Event::Requested
        | Event::CancelRequested
        | Event::RetryWait
        | Event::Cancelled { .. }
        | Event::Failed => {}
        Event::Claimed { .. } => {
            if protocol.is_blocked(state, guest) && !log.last.desired.cancelled {
                breaches.push(Breach::ChildBeforeParent);
            }
        }
        Event::StepTaken { step } => {
            if work.steps.has(step) {
                breaches.push(Breach::RecordedTwice);
            }
        }
        Event::Completed => {
            let at = usize::from(work.revision).saturating_sub(1);
            if applied[at] != Steps::first(protocol.steps) {
                breaches.push(Breach::CompletedTooEarly);
            }
        }
    }
    breaches
}
