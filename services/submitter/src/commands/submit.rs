//! `phoenix submit` and `phoenix-submit`: check, plan, hand over, and follow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use phoenix_bus::{Appended, Bus, End, From};
use phoenix_config::Loaded;
use phoenix_domain::{Goal, GuestKey, NodeName, RunId, Verb, Vmid};

use super::{plan, wanted};
use crate::ahead::{self, Subject};
use crate::asking::{self, Answer, Asking, Wanted};
use crate::cli::{FollowFormat, SubmitArgs};
use crate::config;
use crate::error::CommandError;
use crate::follow::{self, Guest, Watched};
use crate::output::Output;
use crate::session::{self, Session};
use crate::words;

pub(super) fn run(args: &SubmitArgs, output: &mut Output) -> Result<u8, CommandError> {
    let loaded = config::read(&args.config)?;
    config::known(&loaded, &args.guests)?;
    let fleet = config::fleet(&loaded)?;
    let named = if args.all {
        fleet.guests().map(|spec| spec.vmid).collect()
    } else {
        plan::once_each(&args.guests)
    };
    if args.dry_run {
        output.data(&plan::text(fleet, Verb::Create, &named)?)?;
        return Ok(0);
    }
    session::run(submit(args, &loaded, &named, output))
}

async fn submit(
    args: &SubmitArgs,
    loaded: &Loaded,
    named: &[Vmid],
    output: &mut Output,
) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let mut wanted = all_wanted(args.host.clone(), loaded, named, &session.bus).await?;
    if let Some(canary) = args.canary {
        asking::try_first(&mut wanted, canary)?;
    }
    let guests: Vec<_> = wanted.iter().map(|wanted| wanted.guest).collect();
    // Followed from before it is asked for, so that nothing in between is missed.
    let tail = session.bus.tail(From::Now).await?;
    let ends = session.bus.ends(&guests).await?;
    refuse_to_move(&wanted, &ends)?;

    let hold_s = args.safely.then_some(args.hold);
    let by = session::by(&args.who);
    let asking = Asking { run: session::new_run()?, by, trusts_log: false, hold_s };
    let drifted = drifted(&session, &wanted, &ends, output).await?;
    let by_guest: BTreeMap<_, _> = wanted.iter().map(|wanted| (wanted.guest, wanted)).collect();
    let appended = session
        .bus
        .ask(&session.setup, &session::teller(&args.who), &guests, |guest, before| {
            let wanted = by_guest.get(&guest)?;
            match asking::on_submit(wanted, before) {
                Answer::Ask => Some(asking::request(wanted, &asking, before)),
                // By its log it is as desired, and its host says otherwise.
                Answer::AsDesired if drifted.contains(&guest) => {
                    Some(asking::request(wanted, &asking, before))
                }
                Answer::AsDesired | Answer::Joined | Answer::LivesElsewhere(_) => None,
            }
        })
        .await?;
    let asked = Asked { run: asking.run, wanted, appended, ends };
    let is_text = args.live.output == FollowFormat::Text && !args.detach;
    if is_text {
        output.data(&asked.text())?;
    } else {
        output.remark(asked.text().trim_end())?;
    }

    let watched = asked.watched();
    if watched.is_over() {
        return Ok(0);
    }
    follow::warn_of_silence(&session.bus, &watched, output).await?;
    let run = asked.has_own_run().then_some(&asked.run);
    if args.detach {
        return super::tell_run(run, &watched, output);
    }
    follow::follow(&session.bus, tail, watched, run, &args.live, output).await
}

/// Returns what is wanted of every guest that is named or stood on, foundations first. What they bring
/// along is there then.
pub(crate) async fn all_wanted(
    host: Option<NodeName>,
    loaded: &Loaded,
    named: &[Vmid],
    bus: &Bus,
) -> Result<Vec<Wanted>, CommandError> {
    let fleet = config::fleet(loaded)?;
    let order = plan::order(fleet, Verb::Create, named)?;
    let hosts = wanted::hosts(host, loaded, bus).await?;
    wanted::bring(order.iter().copied(), loaded, bus).await?;
    order.into_iter().map(|spec| wanted::one(fleet, spec, named, &hosts)).collect()
}

/// Returns what is wanted of every guest there is in the files.
pub(crate) async fn wanted_of_all(loaded: &Loaded, bus: &Bus) -> Result<Vec<Wanted>, CommandError> {
    let fleet = config::fleet(loaded)?;
    let hosts = wanted::hosts(None, loaded, bus).await?;
    fleet.guests().map(|spec| wanted::one(fleet, spec, &[spec.vmid], &hosts)).collect()
}

/// Returns the guests that are as desired by their logs and, as their hosts say, are not. A host whose
/// worker is silent says nothing; then the logs are all there is to go by.
async fn drifted(
    session: &Session,
    wanted: &[Wanted],
    ends: &BTreeMap<GuestKey, End>,
    output: &mut Output,
) -> Result<BTreeSet<GuestKey>, CommandError> {
    let is_as_desired = |one: &&Wanted| {
        let before = ends.get(&one.guest).map(|end| &end.event.state);
        matches!(asking::on_submit(one, before), Answer::AsDesired)
    };
    let subject = |one: &Wanted| {
        let spec = Box::new(one.spec.read().ok()?);
        let (guest, name, host) = (one.guest, one.name.clone(), one.host.clone());
        Some(Subject { guest, name, host, spec, goal: Goal::Present, parent: None })
    };
    let subjects: Vec<_> = wanted.iter().filter(is_as_desired).filter_map(subject).collect();
    let mut drifted = BTreeSet::new();
    for known in ahead::ask(&session.bus, &subjects).await {
        let Ok(forecast) = &known.said else { continue };
        let changes = forecast.drift();
        if !changes.is_empty() {
            let guest = words::guest(known.guest, &known.name);
            output.remark(&format!("{guest}  drifted; to mend it: {}", changes.join("; ")))?;
            drifted.insert(known.guest);
        }
    }
    Ok(drifted)
}

/// Makes sure that no guest is to live elsewhere.
pub(crate) fn refuse_to_move(
    wanted: &[Wanted],
    ends: &BTreeMap<GuestKey, End>,
) -> Result<(), CommandError> {
    for one in wanted {
        let before = ends.get(&one.guest).map(|end| &end.event.state);
        if let Answer::LivesElsewhere(lives) = asking::on_submit(one, before) {
            let (guest, wanted) = (one.guest, one.host.clone());
            return Err(CommandError::LivesElsewhere { guest, lives, wanted });
        }
    }
    Ok(())
}

/// What became of a request.
struct Asked {
    run: RunId,
    wanted: Vec<Wanted>,
    appended: Vec<Appended>,
    /// The ends of the logs before it.
    ends: BTreeMap<GuestKey, End>,
}

impl Asked {
    fn has_own_run(&self) -> bool {
        self.appended.iter().any(|one| one.state.desired.run == self.run)
    }

    /// Says what was asked for and what was not, and why not.
    fn text(&self) -> String {
        let mut text = String::new();
        let is_mine = |one: &&Appended| one.state.desired.run == self.run;
        let count = self.appended.iter().filter(is_mine).count();
        let head = match count {
            0 => "nothing to ask for".to_owned(),
            _ => format!("run {}: {} asked for", self.run, words::count(count, "guest", "guests")),
        };
        // A String takes everything that is written to it.
        let _written = writeln!(text, "{head}");
        for (wanted, one) in self.wanted.iter().zip(&self.appended) {
            let desired = &one.state.desired;
            let guest = words::guest(wanted.guest, &wanted.name);
            let what = if desired.run == self.run {
                format!("asked for on {} ({})", desired.host, words::cause(&desired.cause))
            } else if one.state.is_complete() {
                let end = self.ends.get(&wanted.guest).filter(|end| end.event.state == one.state);
                let since = end.map(|end| format!(" (since {})", words::time(end.event.time)));
                format!("already as desired{}", since.unwrap_or_default())
            } else {
                let by = words::line(&desired.by);
                format!("already being worked on by run {} of {by}", desired.run)
            };
            let _written = writeln!(text, "  {guest}  {what}");
        }
        text
    }

    fn watched(&self) -> Watched {
        let now = session::now();
        Watched::new(self.wanted.iter().zip(&self.appended).map(|(wanted, one)| {
            let end = self.ends.get(&wanted.guest);
            let seq = one.seq.or_else(|| end.map(|end| end.seq)).unwrap_or_default();
            let since = end.filter(|_| one.seq.is_none()).map_or(now, |end| end.event.time);
            let guest = Guest::new(wanted.name.clone(), one.state.clone(), seq, since);
            if wanted.cause.is_foundation() { guest.brought_along() } else { guest }
        }))
    }
}
