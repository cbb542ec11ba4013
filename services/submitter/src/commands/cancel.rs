//! `phoenix cancel`: asks to stop working on guests.

use std::fmt::Write as _;

use phoenix_domain::{CancelRequested, GuestKey, Record, RunId, Standing};

use crate::cli::{CancelArgs, Named};
use crate::error::CommandError;
use crate::output::Output;
use crate::runs;
use crate::session::{self, Hand};
use crate::states::States;
use crate::words;

/// What is to be done about a guest somebody wants to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// It is asked to stop.
    Ask,
    /// Nothing is being done any more.
    Settled,
    /// It was asked to stop before.
    Asked,
    /// It was given up, which cannot be taken back; its letter comes.
    GivenUp,
}

pub(super) fn run(args: &CancelArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(cancel(args, output))
}

async fn cancel(args: &CancelArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    output.data(&stop(&session.hand(&args.who), &args.named).await?)?;
    Ok(0)
}

/// Asks to stop working on guests, or on everything of a run, and says what became of it.
pub(crate) async fn stop(hand: &Hand<'_>, named: &[Named]) -> Result<String, CommandError> {
    let states = States::read(hand.bus).await?;
    let mut guests: Vec<(GuestKey, Option<RunId>)> = Vec::new();
    let mut text = String::new();
    for named in named {
        match named {
            Named::Guest(vmid) => {
                let found = states.named(&[*vmid])?;
                guests.extend(found.into_iter().map(|guest| (guest, None)));
            }
            Named::Run(run) => {
                let members = runs::members(hand.bus, &states, run).await?;
                for guest in members {
                    let newer = states.record(guest).map(|record| &record.desired.run);
                    match newer.filter(|newer| *newer != run) {
                        Some(newer) => {
                            let guest = title(&states, guest);
                            // A String takes everything that is written to it.
                            let _written = writeln!(
                                text,
                                "{guest}  left alone: run {newer} asked for it since"
                            );
                        }
                        None => guests.push((guest, Some(run.clone()))),
                    }
                }
            }
        }
    }
    guests.sort();
    guests.dedup_by_key(|(guest, _)| *guest);
    let keys: Vec<_> = guests.iter().map(|(guest, _)| *guest).collect();
    let appended = hand
        .bus
        .ask(hand.setup, &hand.teller, &keys, |guest, before| {
            let record = before?;
            let of = guests.iter().find(|(one, _)| *one == guest).and_then(|(_, run)| run.as_ref());
            let is_meant = of.is_none_or(|run| record.desired.run == *run);
            let is_asked = is_meant && on_cancel(record) == Stop::Ask;
            is_asked.then(|| CancelRequested { by: hand.by.clone() }.into())
        })
        .await?;
    for one in &appended {
        let guest = words::guest(one.guest, &words::name(&one.state));
        let _written = writeln!(text, "{guest}  {}", outcome(&one.state, one.seq.is_some()));
    }
    Ok(text)
}

fn on_cancel(record: &Record) -> Stop {
    if record.is_settled() {
        return Stop::Settled;
    }
    match record.work.standing {
        Standing::Failed if record.work.revision == record.desired.revision => Stop::GivenUp,
        Standing::Requested
        | Standing::Working
        | Standing::RetryWait { .. }
        | Standing::BlockedBy { .. }
        | Standing::Blocked { .. }
        | Standing::Completed
        | Standing::Failed
        | Standing::Dead { .. }
        | Standing::Cancelled => {
            if record.desired.cancelled {
                Stop::Asked
            } else {
                Stop::Ask
            }
        }
    }
}

/// Says what became of it.
fn outcome(record: &Record, is_told: bool) -> String {
    let standing = &record.work.standing;
    let worker = record.work.claim.as_ref().map(|claim| claim.worker.to_string());
    let stops =
        format!("{} stops before its next step", worker.unwrap_or_else(|| "its worker".to_owned()));
    match (is_told, on_cancel(record)) {
        (true, Stop::Settled) => "cancelled".to_owned(),
        (true, _) => format!("asked to stop; {stops}"),
        (false, Stop::Settled) => format!("already settled: {standing}"),
        (false, Stop::Asked) => format!("asked to stop before; {stops}"),
        (false, Stop::GivenUp) => "already given up; its dead letter is being written".to_owned(),
        (false, Stop::Ask) => format!("left alone: run {} asked for it since", record.desired.run),
    }
}

fn title(states: &States, guest: GuestKey) -> String {
    words::guest(guest, &states.record(guest).map(words::name).unwrap_or_default())
}
