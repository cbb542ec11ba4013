//! What workers foresee for guests of the configuration.

use phoenix_bus::Bus;
use phoenix_config::{CheckedFleet, Loaded};
use phoenix_domain::{Goal, GuestKey, Verb, Vmid};

use super::{plan, wanted};
use crate::ahead::{self, HELLO, Known, Subject, Tally, Unknown};
use crate::asking::{self, Hosts};
use crate::cli::PlanArgs;
use crate::error::{CommandError, EXIT_DIFFERS, EXIT_FAILED, EXIT_UNAVAILABLE};
use crate::output::Output;
use crate::session;

/// Asks the workers about guests and all they stand on. Where nobody is there to be asked it says
/// why, and returns nothing.
pub(super) fn known(
    args: &PlanArgs,
    loaded: &Loaded,
    fleet: &CheckedFleet,
    named: &[Vmid],
    output: &mut Output,
) -> Result<Option<Vec<Known>>, CommandError> {
    let asked = session::run(async {
        let reached = tokio::time::timeout(HELLO, reach(args, loaded, fleet, named)).await;
        let (bus, subjects) = match reached {
            Ok(Ok(reached)) => reached,
            Ok(Err(err)) => return Ok(Err(chain(&err))),
            Err(_) => return Ok(Err(format!("NATS did not answer within {} s", HELLO.as_secs()))),
        };
        // What is to be run has to be known to whoever is to say whether it was.
        let specs = subjects.iter().map(|subject| &*subject.spec);
        if let Err(err) = wanted::bring(specs, loaded, &bus).await {
            return Ok(Err(chain(&err)));
        }
        let known = ahead::ask(&bus, &subjects).await;
        Ok(match ahead::silence(&known) {
            Some(Unknown { why, advice, .. }) => Err(format!("{why}; {advice}")),
            None => Ok(known),
        })
    })?;
    match asked {
        Ok(known) => Ok(Some(known)),
        Err(why) => {
            output.remark(&format!("warning: no host was asked what is there: {why}"))?;
            Ok(None)
        }
    }
}

/// Returns the exit code of a plan. Where nobody said what there is, it says nothing of changes.
pub(super) fn exit_code(known: Option<&[Known]>, tells_changes: bool) -> u8 {
    let Some(known) = known else {
        return if tells_changes { EXIT_UNAVAILABLE } else { 0 };
    };
    let is_silence =
        |one: &Known| one.said.as_ref().is_err_and(|unknown: &Unknown| unknown.is_silence);
    let tally = Tally::of(known);
    match tally.changes() {
        _ if known.iter().any(is_silence) => EXIT_UNAVAILABLE,
        _ if tally.open > 0 => EXIT_FAILED,
        0 => 0,
        _ if tells_changes => EXIT_DIFFERS,
        _ => 0,
    }
}

async fn reach(
    args: &PlanArgs,
    loaded: &Loaded,
    fleet: &CheckedFleet,
    named: &[Vmid],
) -> Result<(Bus, Vec<Subject>), CommandError> {
    let bus = session::connect(&args.connect).await?;
    let hosts = wanted::hosts(args.host.clone(), loaded, &bus).await?;
    let order = plan::order(fleet, Verb::Create, named)?;
    let subjects = order.into_iter().map(|spec| subject(fleet, spec.vmid, Goal::Present, &hosts));
    Ok((bus, subjects.collect::<Result<_, _>>()?))
}

/// Returns a guest of the configuration as a worker can be asked about it.
pub(super) fn subject(
    fleet: &CheckedFleet,
    vmid: Vmid,
    goal: Goal,
    hosts: &Hosts,
) -> Result<Subject, CommandError> {
    let spec =
        fleet.guest(vmid).ok_or(CommandError::NoSuchGuest { asked: vmid, near: Vec::new() })?;
    let guest = GuestKey::from(spec);
    Ok(Subject {
        guest,
        name: spec.name.to_string(),
        host: asking::host_of(guest, spec.node.as_ref(), hosts)?,
        spec: Box::new(spec.clone()),
        goal,
        parent: spec.parent().and_then(|parent| fleet.guest(parent)).cloned().map(Box::new),
    })
}

fn chain(err: &CommandError) -> String {
    let mut text = err.to_string();
    let mut cause = std::error::Error::source(err);
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}
