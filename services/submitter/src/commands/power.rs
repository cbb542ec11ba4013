//! `phoenix start`, `stop`, `restart` and `delete`: guests as they were made, with another goal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phoenix_bus::{Appended, From};
use phoenix_config::{CheckedFleet, Loaded};
use phoenix_domain::{Cause, Fate, Goal, Reach, Verb, Vmid};

use super::{plan, removal, wanted};
use crate::asking::{self, Answer, Asking, How, Links, Turn};
use crate::cli::{DeleteArgs, FollowFormat, PowerArgs, StartArgs};
use crate::config;
use crate::error::CommandError;
use crate::follow::{self, Guest, Watched};
use crate::output::Output;
use crate::session::{self, Session};
use crate::states::States;
use crate::words;

/// What was typed.
struct Typed<'a> {
    verb: Verb,
    goal: Goal,
    named: Vec<Vmid>,
    power: &'a PowerArgs,
    start: Option<&'a StartArgs>,
    delete: Option<&'a DeleteArgs>,
}

pub(super) fn start(args: &StartArgs, output: &mut Output) -> Result<u8, CommandError> {
    let typed = Typed { start: Some(args), ..typed(Verb::Start, Goal::Running, &args.power) };
    session::run(go(typed, output))
}

pub(super) fn stop(args: &PowerArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(go(typed(Verb::Stop, Goal::Stopped, args), output))
}

pub(super) fn restart(args: &PowerArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(go(typed(Verb::Restart, Goal::Restarted, args), output))
}

pub(super) fn delete(args: &DeleteArgs, output: &mut Output) -> Result<u8, CommandError> {
    let volumes = if args.with_volumes { Fate::Destroyed } else { Fate::Kept };
    let goal = Goal::Absent { volumes };
    let typed = Typed { delete: Some(args), ..typed(Verb::Delete, goal, &args.power) };
    session::run(go(typed, output))
}

fn typed(verb: Verb, goal: Goal, power: &PowerArgs) -> Typed<'_> {
    let named = plan::once_each(&power.guests);
    Typed { verb, goal, named, power, start: None, delete: None }
}

async fn go(typed: Typed<'_>, output: &mut Output) -> Result<u8, CommandError> {
    // What there is can be stopped and removed whatever the files say, or without any.
    let loaded = config::read(&typed.power.config).ok();
    let fleet = loaded.as_ref().and_then(|loaded| loaded.fleet.as_ref());
    let session = session::open(&typed.power.connect, output).await?;
    let tail = session.bus.tail(From::Now).await?;
    let states = States::read(&session.bus).await?;
    let links = Links::of(states.records(), fleet.map(|fleet| &**fleet));
    let is_removal = matches!(typed.goal, Goal::Absent { .. });
    let foreign = if is_removal {
        removal::foreign(&session.bus, &typed.named, &links, &states, output).await?
    } else {
        Vec::new()
    };
    let links = links.without(&foreign);
    for vmid in &typed.named {
        let before = states.with_number(*vmid);
        if let (None, Some(loaded)) = (before, &loaded) {
            config::known(loaded, &[*vmid])?;
        }
        asking::refuse(*vmid, typed.goal, before)?;
    }
    let turns = turns(&typed, &links, &states, fleet, loaded.as_ref(), &session).await?;
    match typed.goal {
        Goal::Absent { volumes } => {
            removal::refuse_what_is_stood_on(&typed.named, &links)?;
            if let Some(delete) = typed.delete
                && !removal::is_agreed(&session.bus, &turns, &states, volumes, delete.yes, output)
                    .await?
            {
                output.remark("nothing was removed")?;
                return Ok(0);
            }
            // Whoever was asked may have taken their time, and somebody else may have cloned it.
            let states = States::read(&session.bus).await?;
            let links = Links::of(states.records(), fleet.map(|fleet| &**fleet)).without(&foreign);
            removal::refuse_what_is_stood_on(&typed.named, &links)?;
        }
        Goal::Stopped => warn_of_dependants(&typed.named, &links, &states, output)?,
        Goal::Present | Goal::Adopted | Goal::Running | Goal::Restarted | Goal::Repaired { .. } => {
        }
    }

    let asking = Asking {
        run: session::new_run()?,
        by: session::by(&typed.power.who),
        trusts_log: false,
        hold_s: None,
    };
    let guests: Vec<_> = turns.iter().map(|turn| turn.guest).collect();
    let by_guest: BTreeMap<_, _> = turns.iter().map(|turn| (turn.guest, turn)).collect();
    let appended = session
        .bus
        .ask(&session.setup, &session::teller(&typed.power.who), &guests, |guest, before| {
            let turn = by_guest.get(&guest)?;
            match asking::on_turn(turn, before) {
                Answer::Ask => asking::turned(turn, &asking, before),
                Answer::AsDesired | Answer::Joined | Answer::LivesElsewhere(_) => None,
            }
        })
        .await?;
    let (live, detach) = (&typed.power.live, typed.power.detach);
    let text = text(&asking, typed.verb, &appended);
    if live.output == FollowFormat::Text && !detach {
        output.data(&text)?;
    } else {
        output.remark(text.trim_end())?;
    }

    let now = session::now();
    let watched = Watched::new(appended.iter().map(|one| {
        let name = words::name(&one.state);
        let seq = one.seq.unwrap_or_else(|| states.seq(one.guest));
        let since = if one.seq.is_some() { now } else { states.since(one.guest) };
        Guest::new(name, one.state.clone(), seq, since)
    }));
    if watched.is_over() {
        return Ok(0);
    }
    follow::warn_of_silence(&session.bus, &watched, output).await?;
    let run = appended.iter().any(|one| one.seq.is_some()).then_some(&asking.run);
    if detach {
        return super::tell_run(run, &watched, output);
    }
    follow::follow(&session.bus, tail, watched, run, live, output).await
}

/// Returns whose turn it is, in the order of the work.
async fn turns(
    typed: &Typed<'_>,
    links: &Links,
    states: &States,
    fleet: Option<&CheckedFleet>,
    loaded: Option<&Loaded>,
    session: &Session,
) -> Result<Vec<Turn>, CommandError> {
    let mut order = match typed.verb.reach() {
        Reach::Foundations => links.closure(&typed.named),
        Reach::NamedOnly => links.upwards(&typed.named),
    };
    if typed.verb.is_downwards() {
        order.reverse();
    }
    let hosts = match (typed.start, loaded) {
        (Some(start), Some(loaded)) => {
            Some(wanted::hosts(start.host.clone(), loaded, &session.bus).await?)
        }
        (_, _) => None,
    };
    let mut turns = Vec::new();
    for vmid in &order {
        let record = states.with_number(*vmid);
        let is_named = typed.named.contains(vmid);
        let new = if is_named || record.is_some_and(asking::is_built) {
            None
        } else {
            // What was never made is made as the files say, where there are any.
            let never_built = CommandError::NeverBuilt { asked: *vmid, is_gone: false };
            let (Some(fleet), Some(hosts)) = (fleet, &hosts) else { return Err(never_built) };
            let spec = fleet.guest(*vmid).ok_or(never_built)?;
            if let Some(loaded) = loaded {
                wanted::bring([spec], loaded, &session.bus).await?;
            }
            Some(wanted::one(fleet, spec, &typed.named, hosts)?)
        };
        let guest = match (record, &new) {
            (Some(record), _) => record.guest,
            (None, Some(new)) => new.guest,
            (None, None) => continue,
        };
        let mut named = typed.named.iter().copied();
        let above = named.find(|named| links.closure(&[*named]).contains(vmid));
        let cause = match above {
            Some(above) if !is_named => Cause::StoodOnBy(above),
            Some(_) | None => Cause::Submitted,
        };
        let first = if typed.verb.is_downwards() {
            links.above_first(*vmid, &order)
        } else {
            links.below_among(*vmid, &order)
        };
        let stands_on = links.keys(first).collect();
        turns.push(Turn { guest, goal: typed.goal, cause, stands_on, new });
    }
    Ok(turns)
}

/// Says which guests that run go on without what is stopped.
fn warn_of_dependants(
    named: &[Vmid],
    links: &Links,
    states: &States,
    output: &mut Output,
) -> Result<(), CommandError> {
    for vmid in named {
        let runs = |guest: Vmid| {
            let record = states.with_number(guest);
            record.is_some_and(|record| record.desired.goal != Goal::Stopped)
        };
        let left: Vec<_> = links
            .left_behind(*vmid, named)
            .into_iter()
            .filter(|(guest, how)| *how == How::Dependency && runs(*guest))
            .map(|(guest, _)| guest.to_string())
            .collect();
        if !left.is_empty() {
            let (left, verb) =
                (words::list(&left), if left.len() == 1 { "depends" } else { "depend" });
            output.remark(&format!(
                "warning: {left} {verb} on {vmid}, and what runs goes on without it"
            ))?;
        }
    }
    Ok(())
}

fn text(asking: &Asking, verb: Verb, appended: &[Appended]) -> String {
    let count = appended.iter().filter(|one| one.seq.is_some()).count();
    let what = match verb {
        Verb::Create => "created",
        Verb::Start => "started",
        Verb::Stop => "stopped",
        Verb::Restart => "restarted",
        Verb::Delete => "removed",
    };
    let mut text = match count {
        0 => "nothing to ask for\n".to_owned(),
        _ => format!("run {}: {} asked for\n", asking.run, words::count(count, "guest", "guests")),
    };
    for one in appended {
        let (desired, guest) =
            (&one.state.desired, words::guest(one.guest, &words::name(&one.state)));
        let cause = words::cause(&desired.cause);
        let what = match (one.seq, desired.goal) {
            (Some(_), Goal::Present) => {
                format!("to be made as it should be on {} ({cause})", desired.host)
            }
            (Some(_), _) if desired.cause == Cause::Submitted => {
                format!("to be {what} on {}", desired.host)
            }
            (Some(_), _) => format!("to be {what} on {} ({cause})", desired.host),
            (None, Goal::Absent { .. }) if one.state.is_complete() => "is gone already".to_owned(),
            (None, _) if one.state.is_complete() => "already as desired".to_owned(),
            (None, _) => {
                format!(
                    "already being worked on by run {} of {}",
                    desired.run,
                    words::line(&desired.by)
                )
            }
        };
        // A String takes everything that is written to it.
        let _written = writeln!(text, "  {guest}  {what}");
    }
    text
}
