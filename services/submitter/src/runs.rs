//! Runs: what somebody asked for at once, as the log tells it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{Bus, From, Told};
use phoenix_domain::{Event, Fact, GuestKey, Record, RunId, Standing};
use serde::Serialize;

use crate::error::CommandError;
use crate::states::States;
use crate::words;

/// How far clocks may be apart.
const SKEW: TimeDelta = TimeDelta::minutes(10);

/// A run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// Its name.
    pub(crate) id: RunId,
    /// When it was asked for.
    pub(crate) time: DateTime<Utc>,
    /// By whom.
    pub(crate) by: String,
    /// What for.
    pub(crate) guests: Vec<GuestKey>,
    /// How guests stood last while they were wanted as this run had it.
    #[serde(skip)]
    last: BTreeMap<GuestKey, Record>,
}

/// Runs, as requests are found one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found(BTreeMap<RunId, Run>);

impl Found {
    /// Takes an event in.
    pub(crate) fn take(&mut self, event: &Event) {
        let desired = match &event.fact {
            Fact::Requested(asked) => &asked.desired,
            Fact::RepairRequested(asked) => &asked.desired,
            Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::StepTaken(_)
            | Fact::StepFailed(_)
            | Fact::RetryWait(_)
            | Fact::Blocked(_)
            | Fact::Completed(_)
            | Fact::RestartBegun(_)
            | Fact::Drifted(_)
            | Fact::Failed(_)
            | Fact::ReturnBegun(_)
            | Fact::DeadLettered(_)
            | Fact::Cancelled(_) => {
                if let Some(run) = self.0.get_mut(&event.state.desired.run) {
                    run.last.insert(event.state.guest, event.state.clone());
                }
                return;
            }
        };
        let run = self.0.entry(desired.run.clone()).or_insert_with(|| Run {
            id: desired.run.clone(),
            time: event.time,
            by: desired.by.clone(),
            guests: Vec::new(),
            last: BTreeMap::new(),
        });
        if !run.guests.contains(&event.state.guest) {
            run.guests.push(event.state.guest);
        }
    }

    /// Returns the runs, the newest first.
    pub(crate) fn newest_first(self) -> Vec<Run> {
        let mut runs: Vec<_> = self.0.into_values().collect();
        runs.sort_by(|a, b| (b.time, &b.id).cmp(&(a.time, &a.id)));
        runs
    }
}

/// Reads what was asked for since then.
pub(crate) async fn since(bus: &Bus, time: DateTime<Utc>) -> Result<Vec<Run>, CommandError> {
    Ok(read(bus, From::Since(time)).await?.newest_first())
}

/// Returns a run with all of its guests, whether or not somebody asked for them since.
pub(crate) async fn one(bus: &Bus, states: &States, id: &RunId) -> Result<Run, CommandError> {
    let found = read(bus, start(id)).await?.0.remove(id);
    // The oldest of a busy guest's log goes; what it is asked for now is always there.
    let current: Vec<_> = states.records().filter(|record| record.desired.run == *id).collect();
    let of_current = || {
        let record = current.first()?;
        let (time, by) = (states.since(record.guest), record.desired.by.clone());
        Some(Run { id: id.clone(), time, by, guests: Vec::new(), last: BTreeMap::new() })
    };
    let run = found.or_else(of_current);
    let mut run = run.ok_or_else(|| CommandError::NoSuchRun { run: id.clone() })?;
    run.guests.extend(current.iter().map(|record| record.guest));
    run.guests.sort();
    run.guests.dedup();
    Ok(run)
}

/// Returns the guests of a run, whether or not somebody asked for them since.
pub(crate) async fn members(
    bus: &Bus,
    states: &States,
    run: &RunId,
) -> Result<Vec<GuestKey>, CommandError> {
    Ok(one(bus, states, run).await?.guests)
}

/// Returns the events of a run, in the order of the log.
pub(crate) async fn events(bus: &Bus, run: &RunId) -> Result<Vec<Event>, CommandError> {
    let mut tail = bus.tail(start(run)).await?;
    let mut events = Vec::new();
    loop {
        match tail.next().await {
            Told::Event { event, .. } if event.state.desired.run == *run => events.push(*event),
            Told::CaughtUp => return Ok(events),
            Told::Event { .. } | Told::Unreadable(_) | Told::Rewound => {}
        }
    }
}

/// Says how a run stands: how many of its guests are how, or were until somebody wanted something
/// else of them.
pub(crate) fn state(run: &Run, states: &States) -> String {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for guest in &run.guests {
        let current = states.record(*guest);
        let word = match current.filter(|record| record.desired.run == run.id) {
            Some(record) => word(record),
            None => match run.last.get(guest).filter(|record| record.is_settled()) {
                Some(record) => word(record),
                None if current.is_some() => "superseded",
                None => "unknown",
            },
        };
        *counts.entry(word).or_default() += 1;
    }
    let counts: Vec<_> =
        counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    counts.join(", ")
}

fn word(record: &Record) -> &'static str {
    match record.work.standing {
        Standing::Completed if record.gone_back().is_some() => "gone back",
        Standing::Completed if record.is_complete() => words::done(record.desired.goal),
        Standing::Working => "working",
        Standing::RetryWait { .. } => "retry-wait",
        Standing::BlockedBy { .. } => "blocked",
        Standing::Blocked { .. } => "waits for a human",
        Standing::Failed => "failed",
        Standing::Dead { .. } => "dead",
        Standing::Cancelled => "cancelled",
        Standing::Requested | Standing::Completed => "requested",
    }
}

/// Returns the guests of a run as people call them, as far as a line holds them.
pub(crate) fn guests(run: &Run) -> String {
    let ids: Vec<_> = run.guests.iter().map(|guest| guest.vmid.to_string()).collect();
    words::shortened(&ids.join(" "), 40)
}

async fn read(bus: &Bus, from: From) -> Result<Found, CommandError> {
    let mut tail = bus.tail(from).await?;
    let mut found = Found::default();
    loop {
        match tail.next().await {
            Told::Event { event, .. } => found.take(&event),
            Told::CaughtUp => return Ok(found),
            Told::Unreadable(_) | Told::Rewound => {}
        }
    }
}

/// Returns from where the log is read for a run.
fn start(run: &RunId) -> From {
    began(run).map_or(From::Beginning, |time| From::Since(time - SKEW))
}

/// Returns when a run began, as its name says where it is one of ours.
fn began(run: &RunId) -> Option<DateTime<Utc>> {
    let digits = run.as_str().strip_prefix("r-")?;
    let uuid = uuid::Uuid::try_parse(digits).ok().filter(|uuid| uuid.get_version_num() == 7)?;
    let (seconds, nanoseconds) = uuid.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}
