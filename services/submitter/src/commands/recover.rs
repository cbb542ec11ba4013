//! `phoenix recover`: all of NATS is lost, and the hosts have the guests. What there is as the files say is known
//! again, and no guest is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use phoenix_bus::{Bus, From};
use phoenix_config::Loaded;
use phoenix_domain::{Goal, GuestKey, Owner};

use super::{live, wanted};
use crate::ahead::{self, Known};
use crate::asking::{self, Asking, Wanted};
use crate::cli::RecoverArgs;
use crate::config;
use crate::error::{CommandError, EXIT_DIFFERS};
use crate::follow::{self, Guest, Watched};
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::words;

pub(super) fn run(args: &RecoverArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(recover(args, output))
}

/// What was found on the hosts of guests that NATS does not know.
#[derive(Default)]
struct Found {
    /// Those that are as their files say.
    wanted: BTreeMap<GuestKey, Wanted>,
    /// How many are left as they are, as they are otherwise.
    left: usize,
    /// Each of them, a line.
    lines: String,
}

async fn recover(args: &RecoverArgs, output: &mut Output) -> Result<u8, CommandError> {
    let loaded = config::read(&args.config)?;
    let session = session::open(&args.connect, output).await?;
    let bus = &session.bus;
    let tail = bus.tail(From::Now).await?;
    let states = States::read(bus).await?;
    let found = look(args, &loaded, &states, bus).await?;
    output.remark(found.lines.trim_end())?;
    if found.wanted.is_empty() {
        output.remark("nothing is to be known again")?;
        return Ok(if found.left > 0 { EXIT_DIFFERS } else { 0 });
    }
    let asking = Asking {
        run: session::new_run()?,
        by: session::by(&args.who),
        trusts_log: false,
        hold_s: None,
    };
    let guests: Vec<_> = found.wanted.keys().copied().collect();
    let appended = bus
        .ask(&session.setup, &session::teller(&args.who), &guests, |guest, before| {
            // Where somebody has asked for it meanwhile, it is known again.
            let wanted = found.wanted.get(&guest).filter(|_| before.is_none())?;
            Some(asking::request(wanted, &asking, None))
        })
        .await?;
    let count = words::count(guests.len(), "guest", "guests");
    output.data(&format!("run {}: {count} to be known again\n", asking.run))?;
    let now = session::now();
    let watched = Watched::new(appended.iter().map(|one| {
        let seq = one.seq.unwrap_or_else(|| states.seq(one.guest));
        Guest::new(words::name(&one.state), one.state.clone(), seq, now)
    }));
    follow::warn_of_silence(bus, &watched, output).await?;
    let code = follow::follow(bus, tail, watched, Some(&asking.run), &args.live, output).await?;
    Ok(if code == 0 && found.left > 0 { EXIT_DIFFERS } else { code })
}

/// Asks the hosts about all guests of the files that NATS does not know.
async fn look(
    args: &RecoverArgs,
    loaded: &Loaded,
    states: &States,
    bus: &Bus,
) -> Result<Found, CommandError> {
    let fleet = config::fleet(loaded)?;
    let hosts = wanted::hosts(args.host.clone(), loaded, bus).await?;
    let is_known = |guest: &GuestKey| states.record(*guest).is_some();
    let lost: Vec<_> = fleet.guests().filter(|spec| !is_known(&GuestKey::from(*spec))).collect();
    wanted::bring(lost.iter().copied(), loaded, bus).await?;
    let subjects = lost.iter().map(|spec| live::subject(fleet, spec.vmid, Goal::Present, &hosts));
    let known = ahead::ask(bus, &subjects.collect::<Result<Vec<_>, _>>()?).await;
    let mut found = Found::default();
    for (one, spec) in known.iter().zip(&lost) {
        let said = if let Some(why) = otherwise(one) {
            found.left += 1;
            why
        } else {
            let wanted = wanted::one(fleet, spec, &[spec.vmid], &hosts)?;
            found.wanted.insert(one.guest, wanted);
            "is as its file says".to_owned()
        };
        // A String takes everything that is written to it.
        let _written = writeln!(found.lines, "  {}  {said}", words::guest(one.guest, &one.name));
    }
    // What is not known again cannot be waited for.
    let again: BTreeSet<_> = found.wanted.keys().copied().collect();
    for one in found.wanted.values_mut() {
        one.stands_on.retain(|below| again.contains(below) || is_known(below));
    }
    Ok(found)
}

/// Says why a guest is left as it is, where it is not as its file says, and what to type.
fn otherwise(one: &Known) -> Option<String> {
    let vmid = one.guest.vmid;
    let forecast = match &one.said {
        Ok(forecast) => forecast,
        Err(unknown) => return Some(format!("is not known: {}; {}", unknown.why, unknown.advice)),
    };
    match forecast.owner {
        None => Some(format!("is not there; `phoenix submit {vmid}` makes it")),
        Some(Owner::Somebody) => Some(format!("is not ours; `phoenix adopt {vmid}` takes it over")),
        Some(Owner::Phoenix) if forecast.changes.is_empty() && forecast.refusal.is_none() => None,
        Some(Owner::Phoenix) => Some(format!(
            "is otherwise than its file says; `phoenix plan {vmid}` shows how, `phoenix submit {vmid}` mends it"
        )),
    }
}
