//! What would be done to a guest now, as somebody who asks is told it. Nothing is changed.

use std::time::Duration;

use phoenix_bus::{Ahead, Forecast, Refused};
use phoenix_domain::chain;
use phoenix_domain::{
    Begun, Change, Facets, Goal, GuestSpec, Inheritance, Made, Run, SeenParent, foresee,
};
use phoenix_hypervisor::{HostError, Hypervisor};

use crate::difference::differences;

/// How long a look at a guest may take.
const LOOK: Duration = Duration::from_secs(20);

/// Looks at a guest, and says what separates it from its goal once what it is cloned from is there,
/// as `parent` says where it is still to be made.
pub(crate) async fn forecast<H: Hypervisor>(
    host: &H,
    want: &GuestSpec,
    goal: Goal,
    parent: Option<&GuestSpec>,
) -> Result<Forecast, HostError> {
    let look = tokio::time::timeout(LOOK, host.look(want, Facets::Inside)).await;
    let mut seen = look.unwrap_or_else(|_| {
        let what = format!("looking at guest {}", want.vmid);
        Err(HostError::TimedOut { what, limit: LOOK, output: String::new() })
    })?;
    if seen.parent == SeenParent::NotReady {
        seen.parent = SeenParent::Ready;
        seen.inheritance = parent.map(inherited);
    }
    let boot = seen.guest.as_ref().and_then(|guest| guest.boot.clone());
    let way = goal.way(want, Some(&Begun::foretold(boot)));
    let (ahead, refusal) = foresee(want, &way, &seen);
    // Nobody can look into a guest that stands still: what it has inside is known once it runs.
    let is_dark = seen
        .guest
        .as_ref()
        .is_some_and(|guest| guest.made == Made::Whole && guest.inside.is_none());
    let looks_inside =
        |step| way.iter().any(|one| one.name() == step && one.needs() == Facets::Inside);
    let commands = host.commands(want, &ahead).into_iter();
    let changes = ahead.iter().zip(commands).filter(|(ahead, _)| !ahead.change.is_wait());
    let changes = changes.map(|(ahead, commands)| {
        let is_inherited = parent.is_some_and(|parent| may_be_inherited(&ahead.change, parent));
        let may_be_there = is_inherited || (is_dark && looks_inside(ahead.step));
        let run = ahead.before.guest.as_ref().map_or(Run::Stopped, |guest| guest.run);
        Ahead {
            step: ahead.step,
            change: ahead.change.to_string(),
            differences: differences(&ahead.before, &ahead.change),
            impact: ahead.change.impact(run),
            is_certain: !may_be_there,
            commands,
        }
    });
    let changes = changes.collect();
    let refusal = match (host.obstacle(want, &ahead).await, refusal) {
        // It comes before whatever the steps after it refuse.
        (Some((foreseen, err)), _) => Some(Refused {
            step: foreseen.step,
            what: chain(&err),
            advice: err.advice().unwrap_or("look at the host").to_owned(),
            verdict: err.verdict(),
        }),
        (None, refusal) => refusal.map(|(step, refusal)| Refused {
            step,
            what: refusal.to_string(),
            advice: refusal.advice().to_owned(),
            verdict: refusal.verdict(),
        }),
    };
    let guest = seen.guest;
    Ok(Forecast {
        owner: guest.as_ref().map(|guest| guest.owner),
        run: guest.as_ref().map(|guest| guest.run),
        addresses: guest.iter().flat_map(|guest| &guest.addresses).copied().collect(),
        root_disk: guest.as_ref().map(|guest| guest.root_disk.clone()),
        snapshots: guest.iter().flat_map(|guest| guest.snapshots.keys().cloned()).collect(),
        kept: seen.kept,
        outdated: guest
            .as_ref()
            .and_then(|guest| guest.inside.as_ref())
            .map(|inside| inside.outdated.clone())
            .unwrap_or_default(),
        volumes: guest.map(|guest| guest.volumes).unwrap_or_default(),
        changes,
        refusal,
    })
}

/// Returns what the clones of a guest begin with that is made as this says.
fn inherited(parent: &GuestSpec) -> Inheritance {
    Inheritance {
        properties: parent.properties(),
        unprivileged: parent.container().map(|container| container.unprivileged),
        root_disk: parent.root_disk.size,
        volumes: parent.volumes.clone(),
    }
}

/// Says whether the clones of a guest may find there already what a change would bring.
fn may_be_inherited(change: &Change, parent: &GuestSpec) -> bool {
    if let Change::InstallFeature { feature } = change {
        return parent.features.contains(feature);
    }
    if let Change::RunApplicationScript { script } = change {
        return parent.application_script.as_ref() == Some(script);
    }
    false
}
