//! `phoenix drain`: nothing is begun on a node for now, because somebody is about to be at it.

use std::time::Duration;

use phoenix_bus::{Bus, Drain, HostReport};
use phoenix_domain::NodeName;
use phoenix_domain::health::Selector;

use super::health;
use crate::cli::DrainArgs;
use crate::error::{CommandError, EXIT_INTERRUPTED, EXIT_WAITED};
use crate::nodes;
use crate::output::Output;
use crate::session::{self, Session};
use crate::states::States;
use crate::words;

/// How often it is looked whether somebody still works there.
const PULSE: Duration = Duration::from_millis(250);

/// For how long nothing is repaired, where nobody says so.
const AN_HOUR: Duration = Duration::from_hours(1);

/// How the wait for a node ended.
enum Wait {
    /// Nobody works there.
    Over,
    Interrupted,
    TooLong(Duration),
}

pub(super) fn run(args: &DrainArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(async {
        let session = session::open(&args.connect, output).await?;
        known(&session, &args.node).await?;
        if args.end {
            end(args, &session, output).await
        } else {
            begin(args, &session, output).await
        }
    })
}

/// Refuses a node of which nobody has heard: it most likely has another name.
async fn known(session: &Session, node: &NodeName) -> Result<(), CommandError> {
    let bus = &session.bus;
    let (states, hosts, drains) =
        (States::read(bus).await?, bus.hosts().await?, bus.drains().await?);
    nodes::find(nodes::all(&states, &hosts, &drains), std::slice::from_ref(node)).map(drop)
}

async fn begin(
    args: &DrainArgs,
    session: &Session,
    output: &mut Output,
) -> Result<u8, CommandError> {
    let (node, bus) = (&args.node, &session.bus);
    let by = session::by(&args.who);
    let drain = Drain { by: by.clone(), why: args.reason.clone(), since: session::now() };
    let stands = bus.drain(node, &drain).await?;
    if stands != drain {
        output.remark(&format!("{node} is already {}", nodes::drained(&stands)))?;
    }
    let why = args.reason.clone().unwrap_or_else(|| "it is drained".to_owned());
    let host = Selector::Host(node.clone());
    let lasting = args.lasting.unwrap_or(AN_HOUR);
    let maintained = match health::maintained_until(bus, &name(node)).await {
        // Whoever only waits once more has not said for how long.
        Ok(Some(to)) if args.lasting.is_none() => Ok(to),
        Ok(_) => health::maintain(bus, &name(node), host, lasting, by, why).await,
        Err(err) => Err(err),
    };
    match maintained {
        Ok(to) => output.remark(&format!(
            "nothing is repaired there until {}, and nobody is called",
            words::time(to)
        ))?,
        Err(err) => output.remark(&format!(
            "warning: people may be called about its guests: {}",
            phoenix_domain::chain(&err)
        ))?,
    }
    let waited = if args.detach { None } else { Some(wait(args, bus, output).await?) };
    let on = format!("`phoenix drain {node} --end` has guests worked on again");
    let (said, code) = match waited {
        None => (format!("nothing is begun on {node} any more; {on}"), 0),
        Some(Wait::Over) => (format!("nobody works on {node} any more; {on}"), 0),
        Some(Wait::Interrupted) => {
            (format!("{node} stays drained, and ends what is in hand; {on}"), EXIT_INTERRUPTED)
        }
        Some(Wait::TooLong(waited)) => {
            let span = words::span(chrono::TimeDelta::from_std(waited).unwrap_or_default());
            (format!("after {span} {node} is still at it; it stays drained; {on}"), EXIT_WAITED)
        }
    };
    output.remark(&said)?;
    Ok(code)
}

async fn end(args: &DrainArgs, session: &Session, output: &mut Output) -> Result<u8, CommandError> {
    let (node, bus) = (&args.node, &session.bus);
    let Some(drain) = bus.end_drain(node).await? else {
        output.remark(&format!("{node} is not drained"))?;
        return Ok(0);
    };
    // A monitor that is away, or knows of none, has nothing to end.
    if let Err(err) = health::end_maintenance(bus, &name(node)).await {
        output.remark(&format!(
            "warning: the maintenance of {node} lasts on: {}",
            phoenix_domain::chain(&err)
        ))?;
    }
    output.remark(&format!(
        "guests of {node} are worked on again; it was {}",
        nodes::drained(&drain)
    ))?;
    Ok(0)
}

/// Waits until the worker of a node has ended what it had in hand; where none is there, nobody does anything.
async fn wait(args: &DrainArgs, bus: &Bus, output: &mut Output) -> Result<Wait, CommandError> {
    let mut pulse = tokio::time::interval(PULSE);
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let waited_too_long = async {
        match args.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let mut waited_too_long = std::pin::pin!(waited_too_long);
    let mut told = None;
    loop {
        tokio::select! {
            _ = &mut interrupt => return Ok(Wait::Interrupted),
            () = &mut waited_too_long => return Ok(Wait::TooLong(args.timeout.unwrap_or_default())),
            _ = pulse.tick() => {
                let hosts = bus.hosts().await?;
                let of_node = |report: &&HostReport| {
                    report.host == args.node && report.is_alive(session::now())
                };
                let Some(worker) = hosts.iter().find(of_node) else { return Ok(Wait::Over) };
                match worker.busy {
                    0 if worker.drained.is_some() => return Ok(Wait::Over),
                    busy if busy > 0 && told != Some(busy) => {
                        told = Some(busy);
                        let guests = words::count(busy, "guest", "guests");
                        output.remark(&format!("{guests} in hand: the change that runs is ended"))?;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Returns the name of the maintenance of a node that is drained.
fn name(node: &NodeName) -> String {
    format!("drain-{node}")
}
