//! `phoenix health` and its neighbours: what the health monitor finds, and what it is told.

mod channels;
mod failing;
mod incidents;
mod orders;
mod recreate;

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{Bus, MonitorAnswer, MonitorQuestion, NoMonitor, Outlook, Seen};
use phoenix_domain::health::{Evidence, Mode, Probe};
use phoenix_domain::{GuestKey, Vmid};
use serde_json::json;

use crate::cli::{HealthArgs, HealthCommand, ListFormat, LookArgs, ProbeArgs};
use crate::error::{CommandError, EXIT_DIFFERS};
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::table;
use crate::words;

pub(super) use self::channels::run as channels;
pub(crate) use self::failing::Failing;
pub(super) use self::incidents::{explain, list as incidents};
pub(crate) use self::orders::acknowledge;
pub(super) use self::orders::{
    ack, breaker, end_maintenance, maintain, maintained_until, maintenance, repair,
};

/// How long the monitor may take for an answer it has at hand.
const SOON: Duration = Duration::from_secs(5);
/// The same where it has to ask a guest first.
const ASKED: Duration = Duration::from_mins(3);

pub(super) fn run(args: &HealthArgs, output: &mut Output) -> Result<u8, CommandError> {
    match &args.verb {
        None => session::run(look(&args.look, output)),
        Some(HealthCommand::Probe(args)) => session::run(probe(args, output)),
        Some(HealthCommand::Mode(args)) => session::run(orders::mode(args, output)),
    }
}

/// Asks the monitor something, and returns what it does not decline.
async fn ask(
    bus: &Bus,
    question: &MonitorQuestion,
    patience: Duration,
) -> Result<MonitorAnswer, CommandError> {
    match bus.ask_monitor(question, patience).await? {
        MonitorAnswer::Declined { why } => Err(CommandError::MonitorDeclines { why }),
        answer @ (MonitorAnswer::Health(_)
        | MonitorAnswer::Probed { .. }
        | MonitorAnswer::Channels { .. }
        | MonitorAnswer::Tested { .. }
        | MonitorAnswer::Agreed) => Ok(answer),
    }
}

/// Returns how everything is, as the monitor sees it.
pub(crate) async fn outlook(bus: &Bus) -> Result<Outlook, CommandError> {
    match ask(bus, &MonitorQuestion::Health, SOON).await? {
        MonitorAnswer::Health(outlook) => Ok(*outlook),
        MonitorAnswer::Probed { .. }
        | MonitorAnswer::Channels { .. }
        | MonitorAnswer::Tested { .. }
        | MonitorAnswer::Agreed
        | MonitorAnswer::Declined { .. } => Err(not_understood()),
    }
}

fn not_understood() -> CommandError {
    NoMonitor::NotAsked("it says something else".into()).into()
}

/// Returns the guest of this number that the monitor watches.
async fn known(bus: &Bus, vmid: Vmid) -> Result<GuestKey, CommandError> {
    let outlook = outlook(bus).await?;
    match outlook.guests.iter().find(|seen| seen.guest.vmid == vmid) {
        Some(seen) => Ok(seen.guest),
        None => Err(unwatched(bus, vmid).await?),
    }
}

/// Says why the monitor watches no guest of this number.
async fn unwatched(bus: &Bus, asked: Vmid) -> Result<CommandError, CommandError> {
    let states = States::read(bus).await?;
    let Some(record) = states.with_number(asked) else {
        return Ok(CommandError::NeverSubmitted { asked });
    };
    let rests = record.desired.spec.read().is_ok_and(|spec| spec.rests());
    Ok(if rests { CommandError::Rests { asked } } else { CommandError::Unwatched { asked } })
}

async fn look(args: &LookArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.list.connect).await?;
    let mut outlook = outlook(&bus).await?;
    for vmid in &args.guests {
        if !outlook.guests.iter().any(|seen| seen.guest.vmid == *vmid) {
            return Err(unwatched(&bus, *vmid).await?);
        }
    }
    let is_named = |seen: &Seen| args.guests.is_empty() || args.guests.contains(&seen.guest.vmid);
    outlook.guests.retain(is_named);
    match args.list.output {
        ListFormat::Text => output.data(&text(&outlook, &args.guests, Utc::now()))?,
        ListFormat::Json => {
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "Health", "health": outlook,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    if args.list.output == ListFormat::Text {
        let now = Utc::now();
        for window in outlook.maintenance.iter().filter(|window| window.is_on(now)) {
            let is_theirs = |seen: &Seen| orders::is_in(window, seen.guest, &seen.host);
            if args.guests.is_empty() || outlook.guests.iter().any(is_theirs) {
                output.remark(&format!("in maintenance: {}", orders::sentence(window)))?;
            }
        }
        // A monitor of before there were channels calls nobody.
        if let Ok(channels) = channels::all(&bus).await {
            for warning in channels.iter().filter_map(channels::warning) {
                output.remark(&warning)?;
            }
        }
        if let Some(breaker) = &outlook.breaker {
            let by = breaker.by.as_deref().unwrap_or("the monitor");
            output.remark(&format!(
                "warning: nothing is repaired: {by} opened the breaker: {}\nhint: `phoenix breaker close --reason …`",
                words::line(&breaker.why)
            ))?;
        }
        if outlook.mode != Mode::On {
            let mode = outlook.mode.name();
            output.remark(&format!(
                "nothing is repaired: the mode is {mode}; `phoenix health mode on` changes that"
            ))?;
        }
    }
    let mut all = outlook.guests.iter().flat_map(|seen| &seen.probes);
    Ok(if all.all(|(_, at, _)| at.is_well()) { 0 } else { EXIT_DIFFERS })
}

fn text(outlook: &Outlook, named: &[Vmid], now: DateTime<Utc>) -> String {
    let mut rows = Vec::new();
    for seen in &outlook.guests {
        for (probe, at, since) in &seen.probes {
            rows.push([
                seen.guest.vmid.to_string(),
                words::line(&seen.name),
                seen.host.clone(),
                probe.name.to_string(),
                at.word().to_owned(),
                at.reason().map(|reason| reason.to_string()).unwrap_or_default(),
                match seen.unread.get(&probe.name) {
                    Some(known) => format!(
                        "{}, as it was {} ago",
                        words::span(now - *since),
                        words::span(now - *known)
                    ),
                    None => words::span(now - *since),
                },
            ]);
        }
    }
    let head = ["GUEST", "NAME", "HOST", "PROBE", "STATE", "REASON", "SINCE"];
    let mut text = table::table(head, &rows);
    for seen in &outlook.guests {
        text.push_str(&failing::text(seen));
    }
    let concerns = |guests: &[GuestKey]| {
        named.is_empty() || guests.iter().any(|guest| named.contains(&guest.vmid))
    };
    let open = outlook.incidents.iter().filter(|incident| concerns(&incident.guests));
    for incident in open {
        let next = words::line(&incident.next.sentence());
        // A String takes everything that is written to it.
        let _written = write!(
            text,
            "\n{}  {}  {}\n  next: {next}\n",
            incident.id, incident.severity, incident.text
        );
        if let Some(ack) = incident.acked() {
            let _written = writeln!(text, "  seen: {}", incidents::seen_by(ack));
        }
    }
    text
}

async fn probe(args: &ProbeArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.list.connect).await?;
    let guest = known(&bus, args.guest).await?;
    let MonitorAnswer::Probed { readings } =
        ask(&bus, &MonitorQuestion::Probe { guest }, ASKED).await?
    else {
        return Err(not_understood());
    };
    match args.list.output {
        ListFormat::Json => {
            let readings: Vec<_> = readings
                .iter()
                .map(|(probe, reading)| json!({ "probe": probe, "reading": reading }))
                .collect();
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "ReadingList", "guest": guest,
                "readings": readings,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        ListFormat::Text => {
            for (probe, reading) in &readings {
                let found = serde_json::to_value(&reading.found)?;
                output.data(&shown(probe, &found, &reading.evidence))?;
            }
        }
    }
    Ok(0)
}

fn shown(probe: &Probe, found: &serde_json::Value, evidence: &Evidence) -> String {
    let word = |key: &str| found.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let found = match word("because") {
        "" => word("is").to_owned(),
        because => format!("{} ({because})", word("is")),
    };
    let rows = table::rows(&[
        ("found", found),
        ("asked", words::line(&evidence.asked)),
        ("came", format!("{} in {}", words::line(&evidence.came), words::took(evidence.took_ms))),
        ("said", words::lines(&evidence.excerpt).join("\n")),
    ]);
    format!("{} ({})\n{rows}", probe.name, probe.ask)
}
