//! `phoenix adopt`: takes over guests that somebody else made.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phoenix_bus::From;
use phoenix_domain::{Cause, Goal, Owner};

use super::{live, plan, wanted};
use crate::ahead::{self, Known};
use crate::asking::{self, Answer, Asking};
use crate::cli::{AdoptArgs, FollowFormat};
use crate::config;
use crate::confirm::{self, By};
use crate::error::CommandError;
use crate::follow::{self, Guest, Watched};
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::words;

pub(super) fn run(args: &AdoptArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(adopt(args, output))
}

async fn adopt(args: &AdoptArgs, output: &mut Output) -> Result<u8, CommandError> {
    let power = &args.power;
    let loaded = config::read(&power.config)?;
    config::known(&loaded, &power.guests)?;
    let fleet = config::fleet(&loaded)?;
    let named = plan::once_each(&power.guests);
    let session = session::open(&power.connect, output).await?;
    let tail = session.bus.tail(From::Now).await?;
    let hosts = wanted::hosts(args.host.clone(), &loaded, &session.bus).await?;
    let subjects = named
        .iter()
        .map(|vmid| live::subject(fleet, *vmid, Goal::Adopted, &hosts))
        .collect::<Result<Vec<_>, _>>()?;
    let specs = subjects.iter().map(|subject| &*subject.spec);
    wanted::bring(specs, &loaded, &session.bus).await?;
    let known = ahead::ask(&session.bus, &subjects).await;
    let foreign = foreign(known, output)?;
    if foreign.is_empty() {
        return Ok(0);
    }
    output.remark(ahead::text(&foreign).trim_end())?;
    let ids: Vec<_> = foreign.iter().map(|one| one.guest.vmid.to_string()).collect();
    let ids = ids.join(" ");
    if !args.yes && !confirm::is_agreed(&format!("take over {ids}"), &By::Yes, output)? {
        output.remark("nothing was taken over")?;
        return Ok(0);
    }

    let states = States::read(&session.bus).await?;
    let mut asked = BTreeMap::new();
    for one in &foreign {
        let Some(spec) = fleet.guest(one.guest.vmid) else { continue };
        let mut wanted = wanted::one(fleet, spec, &named, &hosts)?;
        wanted.goal = Goal::Adopted;
        wanted.cause = Cause::Submitted;
        // It is there, whatever becomes of what it was once made from.
        wanted.stands_on.retain(|below| foreign.iter().any(|one| one.guest == *below));
        let lives = asking::on_submit(&wanted, states.record(one.guest));
        if let Answer::LivesElsewhere(lives) = lives {
            let (guest, wanted) = (one.guest, wanted.host);
            return Err(CommandError::LivesElsewhere { guest, lives, wanted });
        }
        asked.insert(one.guest, wanted);
    }
    let asking = Asking {
        run: session::new_run()?,
        by: session::by(&power.who),
        trusts_log: false,
        hold_s: None,
    };
    let guests: Vec<_> = asked.keys().copied().collect();
    let appended = session
        .bus
        .ask(&session.setup, &session::teller(&power.who), &guests, |guest, before| {
            let wanted = asked.get(&guest)?;
            match asking::on_submit(wanted, before) {
                // Whatever its record says: the host has just said that it is somebody else's.
                Answer::Ask | Answer::AsDesired => Some(asking::request(wanted, &asking, before)),
                Answer::Joined | Answer::LivesElsewhere(_) => None,
            }
        })
        .await?;
    let run = appended.iter().any(|one| one.seq.is_some()).then_some(&asking.run);
    let mut text = match run {
        Some(run) => format!("run {run}: {ids} to be taken over\n"),
        None => "nothing to ask for\n".to_owned(),
    };
    for one in appended.iter().filter(|one| one.seq.is_none()) {
        let (desired, name) = (&one.state.desired, words::name(&one.state));
        let by = words::line(&desired.by);
        // A String takes everything that is written to it.
        let _written = writeln!(
            text,
            "  {}  already being worked on by run {} of {by}",
            words::guest(one.guest, &name),
            desired.run
        );
    }
    if power.live.output == FollowFormat::Text && !power.detach {
        output.data(&text)?;
    } else {
        output.remark(text.trim_end())?;
    }
    let now = session::now();
    let watched = Watched::new(appended.iter().map(|one| {
        let seq = one.seq.unwrap_or_else(|| states.seq(one.guest));
        let since = if one.seq.is_some() { now } else { states.since(one.guest) };
        Guest::new(words::name(&one.state), one.state.clone(), seq, since)
    }));
    follow::warn_of_silence(&session.bus, &watched, output).await?;
    if power.detach {
        return super::tell_run(run, &watched, output);
    }
    follow::follow(&session.bus, tail, watched, run, &power.live, output).await
}

/// Returns those that somebody else made. Of those that are ours it says so, and refuses the rest.
fn foreign(known: Vec<Known>, output: &mut Output) -> Result<Vec<Known>, CommandError> {
    let mut foreign = Vec::new();
    for one in known {
        let asked = one.guest.vmid;
        match &one.said {
            Err(unknown) => {
                let (why, advice) = (unknown.why.clone(), unknown.advice.clone());
                return Err(CommandError::NotKnown { asked, why, advice });
            }
            Ok(forecast) => match forecast.owner {
                None => return Err(CommandError::NothingToAdopt { asked, host: one.host }),
                Some(Owner::Phoenix) => {
                    let title = words::guest(one.guest, &one.name);
                    output.remark(&format!("{title} is ours already"))?;
                }
                Some(Owner::Somebody) => foreign.push(one),
            },
        }
    }
    Ok(foreign)
}
