//! A run as a line of time: what was done to each of its guests, when, and for how long.

mod picture;
mod text;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_domain::{Event, Fact, GuestKey, Obstacle, RunId};

use crate::status;
use crate::words;

/// A run.
pub(crate) struct Timeline {
    pub(crate) run: RunId,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    /// Whether something of it is still to be done.
    goes_on: bool,
    pub(crate) lanes: Vec<Lane>,
}

/// What was done to one guest.
pub(crate) struct Lane {
    #[cfg(feature = "otlp")]
    pub(crate) key: GuestKey,
    guest: String,
    /// How it stands at the end.
    end: String,
    pub(crate) spans: Vec<Span>,
    goes_on: bool,
}

/// A piece of time, and what it was for.
pub(crate) struct Span {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    pub(crate) what: What,
    pub(crate) label: String,
}

/// What a piece of time was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Nobody was at it: it waited for a worker, another guest, the next attempt or a human.
    Waits,
    /// A step that was taken.
    Step,
    /// A step that could not be taken.
    Failure,
}

impl Timeline {
    /// Makes it of the events of a run, in the order of the log; nothing where there are none.
    pub(crate) fn of(run: &RunId, events: &[Event], now: DateTime<Utc>) -> Option<Self> {
        let mut by_guest: BTreeMap<GuestKey, Vec<&Event>> = BTreeMap::new();
        for event in events.iter().filter(|event| event.state.desired.run == *run) {
            by_guest.entry(event.state.guest).or_default().push(event);
        }
        let mut lanes: Vec<_> =
            by_guest.iter().map(|(guest, events)| lane(*guest, events, now)).collect();
        lanes.sort_by_key(|lane| lane.spans.first().map(|span| span.from));
        let spans = || lanes.iter().flat_map(|lane| &lane.spans);
        let from = spans().map(|span| span.from).min()?;
        let to = spans().map(|span| span.to).max()?;
        let goes_on = lanes.iter().any(|lane| lane.goes_on);
        Some(Self { run: run.clone(), from, to, goes_on, lanes })
    }

    /// Says in a line what it is.
    fn title(&self) -> String {
        let guests = words::count(self.lanes.len(), "guest", "guests");
        let lasts = words::took(milliseconds(self.from, self.to));
        let so_far = if self.goes_on { " so far" } else { "" };
        let from = words::time(self.from);
        format!("run {}: {guests}, {lasts}{so_far} from {from}", self.run)
    }

    /// Returns where a time lies between begin and end, in parts of `whole`.
    fn place(&self, time: DateTime<Utc>, whole: i64) -> i64 {
        let lasts = (self.to - self.from).num_milliseconds().max(1);
        (time - self.from).num_milliseconds().clamp(0, lasts) * whole / lasts
    }
}

impl Lane {
    fn title(&self) -> String {
        format!("{}: {}", self.guest, self.end)
    }
}

impl Span {
    fn took_ms(&self) -> u64 {
        milliseconds(self.from, self.to)
    }
}

fn milliseconds(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    u64::try_from((to - from).num_milliseconds()).unwrap_or_default()
}

fn lane(guest: GuestKey, events: &[&Event], now: DateTime<Utc>) -> Lane {
    let mut spans: Vec<Span> = Vec::new();
    // What goes on since the last thing that happened, if nobody is at it.
    let mut waits: Option<(DateTime<Utc>, String)> = None;
    let mut last: Option<DateTime<Utc>> = None;
    for event in events {
        let at = event.time;
        let begun = last.unwrap_or(at);
        let mut end_of_wait = |spans: &mut Vec<Span>| {
            if let Some((from, label)) = waits.take() {
                spans.push(Span { from, to: at.max(from), what: What::Waits, label });
            }
        };
        match &event.fact {
            Fact::Requested(_) | Fact::RepairRequested(_) => {
                end_of_wait(&mut spans);
                waits = Some((at, "waits for a worker".to_owned()));
            }
            Fact::StepTaken(taken) => {
                let took = i64::try_from(taken.took_ms).ok().and_then(TimeDelta::try_milliseconds);
                let from = took.and_then(|took| at.checked_sub_signed(took)).unwrap_or(begun);
                let label = taken.step.to_string();
                spans.push(Span { from: from.max(begun.min(at)), to: at, what: What::Step, label });
            }
            Fact::StepFailed(failed) => {
                let step = failed.failure.step.map(|step| step.to_string());
                let label = format!("{} failed", step.as_deref().unwrap_or("a look"));
                spans.push(Span { from: begun.min(at), to: at, what: What::Failure, label });
            }
            Fact::RetryWait(_) => waits = Some((at, "waits for its next attempt".to_owned())),
            Fact::Blocked(blocked) => {
                let label = match &blocked.obstacle {
                    Obstacle::Guest { guest, .. } => format!("waits for {}", guest.vmid),
                    Obstacle::Question { .. } => "waits for a human".to_owned(),
                };
                end_of_wait(&mut spans);
                waits = Some((at, label));
            }
            Fact::Answered(answered) if answered.yes => {
                end_of_wait(&mut spans);
                waits = Some((at, "waits for a worker".to_owned()));
            }
            Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::Completed(_)
            | Fact::Failed(_)
            | Fact::ReturnBegun(_)
            | Fact::DeadLettered(_)
            | Fact::Cancelled(_) => end_of_wait(&mut spans),
            Fact::CancelRequested(_) | Fact::RestartBegun(_) | Fact::Drifted(_) => {}
        }
        last = Some(at);
    }
    let state = events.last().map(|event| &event.state);
    let goes_on = state.is_some_and(|state| !state.is_settled());
    if let Some((from, label)) = waits.filter(|_| goes_on) {
        spans.push(Span { from, to: now.max(from), what: What::Waits, label });
    }
    let name = state.map(words::name).unwrap_or_default();
    Lane {
        #[cfg(feature = "otlp")]
        key: guest,
        guest: words::guest(guest, &name),
        end: state.map(|state| status::state(state).to_owned()).unwrap_or_default(),
        spans,
        goes_on,
    }
}

#[cfg(test)]
pub(crate) mod tests;
