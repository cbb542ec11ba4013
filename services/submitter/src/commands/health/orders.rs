//! What humans order of the health monitor.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{Bus, MonitorQuestion};
use phoenix_domain::GuestKey;
use phoenix_domain::health::{IncidentId, Maintenance, Selector, Word};

use super::{SOON, ask, known, outlook, recreate};
use crate::cli::{
    AckArgs, BreakerCommand, MaintainArgs, MaintenanceCommand, ModeArgs, RepairArgs, TypedRung,
};
use crate::error::CommandError;
use crate::output::Output;
use crate::session;
use crate::table;
use crate::words;

pub(super) async fn order(bus: &Bus, word: Word) -> Result<(), CommandError> {
    ask(bus, &MonitorQuestion::Order { word }, SOON).await.map(drop)
}

pub(super) async fn mode(args: &ModeArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.connect).await?;
    let guest = match args.guest {
        Some(vmid) => Some(known(&bus, vmid).await?),
        None => None,
    };
    let mode = args.mode.into();
    order(&bus, Word::Mode { guest, mode }).await?;
    let whose =
        args.guest.map_or_else(|| "the mode".to_owned(), |vmid| format!("the mode of {vmid}"));
    output.remark(&format!("{whose} is {} now", mode.name()))?;
    Ok(0)
}

pub(in crate::commands) fn maintenance(
    command: &MaintenanceCommand,
    output: &mut Output,
) -> Result<u8, CommandError> {
    session::run(async {
        match command {
            MaintenanceCommand::Start(args) => start(args, output).await,
            MaintenanceCommand::End(args) => {
                let bus = session::connect(&args.connect).await?;
                if !end_maintenance(&bus, &args.name).await? {
                    return Err(CommandError::NoSuchMaintenance { name: args.name.clone() });
                }
                output.remark(&format!("the maintenance {} is over", args.name))?;
                Ok(0)
            }
            MaintenanceCommand::List(args) => {
                let bus = session::connect(&args.connect).await?;
                let windows = outlook(&bus).await?.maintenance;
                let rows: Vec<_> = windows.iter().map(row).collect();
                if rows.is_empty() {
                    output.remark("there is no maintenance, and none is to come")?;
                } else {
                    let head = ["NAME", "OF", "FROM", "TO", "WHO", "WHY"];
                    output.data(&table::table(head, &rows))?;
                }
                Ok(0)
            }
        }
    })
}

/// Says of whom a maintenance is, until when, and why.
pub(super) fn sentence(window: &Maintenance) -> String {
    let [id, of, _, to, who, why] = row(window);
    let name = if id == of { String::new() } else { format!(" ({id})") };
    format!("{of}{name} until {to}, by {who}: {why}")
}

/// Says whether a guest is in a maintenance.
pub(super) fn is_in(window: &Maintenance, guest: GuestKey, host: &str) -> bool {
    host.parse().is_ok_and(|host| window.selector.has(guest, &host))
}

/// Says that somebody has seen an incident, or has not.
pub(in crate::commands) fn ack(args: &AckArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(async {
        let bus = session::connect(&args.connect).await?;
        let (incident, by) = (args.incident.clone(), session::by(&args.who));
        let said = if args.undo {
            order_about(&bus, &args.incident, Word::TakeBackAck { incident, by }).await?;
            format!("{}: nobody is at it: people are reminded of it again", args.incident)
        } else {
            acknowledge(&bus, incident, by, args.reason.clone()).await?
        };
        output.remark(&said)?;
        Ok(0)
    })
}

/// Says that somebody has seen an incident, and returns what that means.
pub(crate) async fn acknowledge(
    bus: &Bus,
    incident: IncidentId,
    by: String,
    why: Option<String>,
) -> Result<String, CommandError> {
    let said = "you have seen it: nobody is reminded of it, unless it becomes worse";
    let said = format!("{incident}: {said}");
    let id = incident.clone();
    order_about(bus, &id, Word::Ack { incident, by, why }).await?;
    Ok(said)
}

/// Orders something about an incident. The monitor declines what is about one that is not open; one that
/// never was is told apart from those.
async fn order_about(bus: &Bus, id: &IncidentId, word: Word) -> Result<(), CommandError> {
    let Err(declined) = order(bus, word).await else { return Ok(()) };
    if matches!(declined, CommandError::MonitorDeclines { .. })
        && !bus.incidents().await?.iter().any(|incident| incident.id == *id)
    {
        return Err(CommandError::NoSuchIncident { incident: id.to_string() });
    }
    Err(declined)
}

fn row(window: &Maintenance) -> [String; 6] {
    let of = match &window.selector {
        Selector::All => "all guests".to_owned(),
        Selector::Host(host) => format!("host {host}"),
        Selector::Guest(guest) => guest.vmid.to_string(),
    };
    let (from, to) = (words::time(window.from), words::time(window.to));
    [window.id.to_string(), of, from, to, words::line(&window.who), words::line(&window.why)]
}

async fn start(args: &MaintainArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.connect).await?;
    let (selector, id) = match (args.guest, &args.host) {
        (Some(vmid), _) => (Selector::Guest(known(&bus, vmid).await?), vmid.to_string()),
        (None, Some(host)) => (Selector::Host(host.clone()), host.to_string()),
        (None, None) => (Selector::All, "all".to_owned()),
    };
    let (who, why) = (session::by(&args.who), args.reason.clone());
    let to = maintain(&bus, &id, selector, args.lasting, who, why).await?;
    output.remark(&format!(
        "nothing is repaired there until {}; `phoenix maintenance end {id}` ends it sooner",
        words::time(to)
    ))?;
    Ok(0)
}

/// Has nothing repaired for so long, and returns until when.
pub(in crate::commands) async fn maintain(
    bus: &Bus,
    id: &str,
    selector: Selector,
    lasting: Duration,
    who: String,
    why: String,
) -> Result<DateTime<Utc>, CommandError> {
    let from = Utc::now();
    let lasting = TimeDelta::from_std(lasting).unwrap_or(TimeDelta::MAX);
    let to = from.checked_add_signed(lasting).unwrap_or(from + TimeDelta::hours(24));
    let window = Maintenance { id: id.into(), selector, from, to, who, why, is_warned: false };
    order(bus, Word::Maintenance(window)).await?;
    Ok(to)
}

/// Says until when a maintenance lasts, where it is there.
pub(in crate::commands) async fn maintained_until(
    bus: &Bus,
    id: &str,
) -> Result<Option<DateTime<Utc>>, CommandError> {
    let windows = outlook(bus).await?.maintenance;
    Ok(windows.into_iter().find(|window| *window.id == *id).map(|window| window.to))
}

/// Ends a maintenance, where it is there.
pub(in crate::commands) async fn end_maintenance(
    bus: &Bus,
    id: &str,
) -> Result<bool, CommandError> {
    let is_there = maintained_until(bus, id).await?.is_some();
    if is_there {
        order(bus, Word::EndMaintenance { id: id.into() }).await?;
    }
    Ok(is_there)
}

pub(in crate::commands) fn breaker(
    command: &BreakerCommand,
    output: &mut Output,
) -> Result<u8, CommandError> {
    session::run(async {
        let (BreakerCommand::Open(args) | BreakerCommand::Close(args)) = command;
        let bus = session::connect(&args.connect).await?;
        let (by, why) = (session::by(&args.who), args.reason.clone());
        let (word, said) = match command {
            BreakerCommand::Open(_) => (
                Word::OpenBreaker { by, why },
                "nothing is repaired any more; `phoenix breaker close --reason …` changes that",
            ),
            BreakerCommand::Close(_) => (
                Word::CloseBreaker { by, why },
                "the breaker is in no repair's way any more; `phoenix health` says in which mode they are",
            ),
        };
        order(&bus, word).await?;
        output.remark(said)?;
        Ok(0)
    })
}

pub(in crate::commands) fn repair(
    args: &RepairArgs,
    output: &mut Output,
) -> Result<u8, CommandError> {
    session::run(async {
        let bus = session::connect(&args.connect).await?;
        let guest = known(&bus, args.guest).await?;
        if args.rung == Some(TypedRung::Recreate) {
            return recreate::recreate(&bus, guest, args, output).await;
        }
        let (rung, by) = (args.rung.map(Into::into), session::by(&args.who));
        order(&bus, Word::Repair { guest, rung, by }).await?;
        let vmid = args.guest;
        output.remark(&format!(
            "the repair of {vmid} is ordered; `phoenix health {vmid}` says what comes of it"
        ))?;
        Ok(0)
    })
}
