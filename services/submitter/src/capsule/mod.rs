//! Why a guest is not well, in one piece: what failed, what was tried, what has changed since it was
//! good, whether that happened before, and what to type.

mod attempts;
mod changed;
mod render;
mod similar;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, Filed, From, Seen, Told};
use phoenix_config::veiled;
use phoenix_domain::health::{Incident, IncidentId, Severity};
use phoenix_domain::{
    Event, Fact, Failure, GuestKey, NodeName, Record, RunId, Standing, Verdict, Vmid,
};
use serde::Serialize;

use self::attempts::Attempt;
use self::changed::Changed;
use self::similar::{FAR, Similar};
use crate::commands::health::{self, Failing};
use crate::error::CommandError;
use crate::status::{self, Around};
use crate::words;

/// All there is to say about a guest that is not well, and little about one that is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Capsule {
    guest: GuestKey,
    vmid: Vmid,
    name: String,
    host: NodeName,
    state: &'static str,
    is_well: bool,
    /// Since when it is not as wanted, or is as it is where all is well.
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    revision: u64,
    run: RunId,
    by: String,
    failed: Option<Failed>,
    tried: Vec<Attempt>,
    drift: Vec<String>,
    failing: Vec<Failing>,
    /// What the monitor does next about what fails, where no incident says that.
    prospect: Option<String>,
    incidents: Vec<Trouble>,
    changed: Changed,
    similar: Vec<Similar>,
    next: String,
    command: Option<String>,
}

/// What failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    at: DateTime<Utc>,
    step: Option<String>,
    /// What becomes of failures of this class.
    class: Verdict,
    /// What was being done.
    change: Option<String>,
    /// The command and how it ended, as far as it was one.
    what: String,
    /// The last lines it printed.
    printed: Vec<String>,
    advice: Option<String>,
}

/// An incident it is in.
#[derive(Debug, Serialize)]
struct Trouble {
    id: IncidentId,
    severity: Severity,
    text: String,
    next: String,
}

/// What capsules are made of, but for the log of the guest itself.
pub(crate) struct Material<'m> {
    pub(crate) around: Around<'m>,
    /// What failed everywhere lately, and how it went on.
    pub(crate) past: Vec<Event>,
    pub(crate) letters: Vec<Filed>,
    pub(crate) incidents: Vec<Incident>,
    /// How guests are, as the health monitor sees them; nothing where none is there.
    pub(crate) seen: Vec<Seen>,
}

impl<'m> Material<'m> {
    /// Reads it.
    pub(crate) async fn read(bus: &Bus, around: Around<'m>) -> Result<Self, CommandError> {
        let mut tail = bus.tail(From::Since(around.now - FAR)).await?;
        let mut past = Vec::new();
        loop {
            match tail.next().await {
                Told::Event { event, .. } if similar::is_of_interest(&event.fact) => {
                    past.push(*event);
                }
                Told::CaughtUp => break,
                Told::Event { .. } | Told::Unreadable(_) | Told::Rewound => {}
            }
        }
        let letters = bus.dead_letters().await?;
        let incidents = bus.incidents().await?;
        // Who has no monitor is told of all else.
        let seen = health::outlook(bus).await.map(|outlook| outlook.guests).unwrap_or_default();
        Ok(Self { around, past, letters, incidents, seen })
    }
}

impl Capsule {
    /// Makes it of all that is kept of the guest, oldest first.
    pub(crate) fn of(record: &Record, history: &[Event], material: &Material<'_>) -> Self {
        let around = &material.around;
        let (desired, work, guest) = (&record.desired, &record.work, record.guest);
        let incidents: Vec<_> =
            material.incidents.iter().filter(|one| is_in(one, guest)).map(Trouble::of).collect();
        let seen = material.seen.iter().find(|seen| seen.guest == guest);
        let failing = seen.map(Failing::of).unwrap_or_default();
        let prospect = seen.and_then(|seen| seen.next.as_ref()).filter(|_| !failing.is_empty());
        let failure = work.failure.as_ref().filter(|_| work.standing != Standing::Completed);
        // What was given up came before the event that made it wanted as it was.
        let is_return = |event: &Event| matches!(event.fact, Fact::ReturnBegun(_));
        let returned = record.gone_back().and_then(|_| history.iter().rposition(is_return));
        let given_up = history.get(..returned.unwrap_or_default()).unwrap_or_default();
        let failure = failure.or_else(|| given_up.last()?.state.work.failure.as_ref());
        let is_well = incidents.is_empty()
            && failing.is_empty()
            && failure.is_none()
            && record.gone_back().is_none()
            && work.drift.is_empty()
            && !status::is_left_alone(around, record)
            && matches!(
                work.standing,
                Standing::Requested | Standing::Working | Standing::Completed
            );
        let until = history.get(..returned.unwrap_or(history.len())).unwrap_or_default();
        let good = until.iter().rposition(|event| matches!(event.fact, Fact::Completed(_)));
        let behind = history.get(good.map_or(0, |good| good + 1)..).unwrap_or_default();
        let since = if is_well { None } else { behind.iter().find(|event| is_trouble(event)) };
        let report = around.hosts.unwrap_or_default().iter().find(|one| one.host == desired.host);
        Self {
            guest,
            vmid: guest.vmid,
            name: words::name(record),
            host: desired.host.clone(),
            state: status::state(record),
            is_well,
            since: since
                .map(|event| event.time)
                .or_else(|| failing.iter().map(|failing| failing.since).min())
                .unwrap_or_else(|| around.states.since(guest)),
            now: around.now,
            revision: desired.revision,
            run: desired.run.clone(),
            by: line(&desired.by),
            failed: failure.map(|failure| Failed::of(record, failure)),
            tried: attempts::of(behind),
            drift: work.drift.iter().map(|change| line(change)).collect(),
            prospect: prospect.map(|next| line(&next.sentence())),
            command: status::command(around, record).or_else(|| look(guest, &failing)),
            failing,
            incidents,
            changed: Changed::since(
                history.get(..good.map_or(0, |good| good + 1)).unwrap_or_default(),
                record,
                behind,
                report,
            ),
            similar: failure
                .map(|failure| similar::of(guest, failure, material, since))
                .unwrap_or_default(),
            next: line(&status::waits(around, record)),
        }
    }

    /// Says whether there is nothing to explain.
    pub(crate) fn is_well(&self) -> bool {
        self.is_well
    }
}

impl Failed {
    fn of(record: &Record, failure: &Failure) -> Self {
        Self {
            at: failure.at,
            step: failure.step.map(|step| words::step(record, step)),
            class: failure.verdict,
            change: failure.change.as_deref().map(line),
            what: line(&failure.what),
            printed: failure.output.as_deref().map(lines).unwrap_or_default(),
            advice: failure.advice.as_deref().map(line),
        }
    }
}

impl Trouble {
    fn of(incident: &Incident) -> Self {
        let (text, next) = (line(&incident.text), line(&incident.next.sentence()));
        Self { id: incident.id.clone(), severity: incident.severity, text, next }
    }
}

/// Returns what to type about what fails, where nothing else is to be typed.
fn look(guest: GuestKey, failing: &[Failing]) -> Option<String> {
    let vmid = guest.vmid;
    (!failing.is_empty()).then(|| {
        format!("`phoenix health probe {vmid}` asks it now; `phoenix logs {vmid}` has what was said in it")
    })
}

fn is_in(incident: &Incident, guest: GuestKey) -> bool {
    incident.is_open() && incident.guests.contains(&guest)
}

/// Says whether a guest has not been well since this happened.
fn is_trouble(event: &Event) -> bool {
    match &event.fact {
        Fact::StepFailed(_) | Fact::Blocked(_) | Fact::Failed(_) | Fact::Cancelled(_) => true,
        Fact::Drifted(drifted) => !drifted.changes.is_empty(),
        Fact::Requested(_)
        | Fact::RepairRequested(_)
        | Fact::CancelRequested(_)
        | Fact::Answered(_)
        | Fact::Claimed(_)
        | Fact::StepTaken(_)
        | Fact::RetryWait(_)
        | Fact::Completed(_)
        | Fact::RestartBegun(_)
        | Fact::ReturnBegun(_)
        | Fact::DeadLettered(_) => false,
    }
}

/// Returns a text of somebody else on one line, as it may be passed on.
fn line(text: &str) -> String {
    veiled(&words::line(text))
}

/// Returns the lines of a text of somebody else, as they may be passed on.
fn lines(text: &str) -> Vec<String> {
    // A secret may stand on several lines.
    veiled(&words::lines(text).join("\n")).lines().map(str::to_owned).collect()
}
