//! What is wanted of a guest, as the files have it.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_bus::Bus;
use phoenix_config::{CheckedFleet, Loaded};
use phoenix_domain::{Class, Goal, GuestKey, GuestSpec, NodeName, SpecDigest, SpecText, Vmid};

use super::plan;
use crate::asking::{self, Hosts, Wanted};
use crate::error::CommandError;

/// Returns what is said about hosts. Workers are asked only where nobody else says anything.
pub(super) async fn hosts(
    typed: Option<NodeName>,
    loaded: &Loaded,
    bus: &Bus,
) -> Result<Hosts, CommandError> {
    let inventory = loaded.node.as_deref().map(str::parse::<NodeName>).transpose();
    let inventory = inventory.map_err(CommandError::BadNode)?;
    let mut hosts = Hosts { typed, inventory, reported: Vec::new() };
    if hosts.typed.is_none() && hosts.inventory.is_none() {
        let reports = bus.hosts().await?;
        hosts.reported = reports.into_iter().map(|report| report.host).collect();
        hosts.reported.dedup();
    }
    Ok(hosts)
}

/// Puts what guests bring along where their workers find it, before anybody is told to use it. What is
/// there is not sent again.
pub(super) async fn bring<'g>(
    guests: impl IntoIterator<Item = &'g GuestSpec>,
    loaded: &Loaded,
    bus: &Bus,
) -> Result<(), CommandError> {
    let packs: BTreeSet<_> =
        guests.into_iter().flat_map(|spec| spec.brings.packs()).map(|(_, pack)| pack).collect();
    let archives = packs.into_iter().filter_map(|pack| Some((pack, loaded.packs.archive(pack)?)));
    let archives: Vec<_> = archives.collect();
    Ok(bus.bring(&archives).await?)
}

/// Returns what is wanted of one guest.
pub(super) fn one(
    fleet: &CheckedFleet,
    spec: &GuestSpec,
    named: &[Vmid],
    hosts: &Hosts,
) -> Result<Wanted, CommandError> {
    let guest = GuestKey::from(spec);
    let foundations = spec.stands_on().filter_map(|vmid| fleet.guest(vmid));
    Ok(Wanted {
        guest,
        name: spec.name.to_string(),
        host: asking::host_of(guest, spec.node.as_ref(), hosts)?,
        class: Class::of(&spec.gpus),
        cause: plan::cause(fleet, spec, named),
        digest: SpecDigest::of(spec),
        stands_on: foundations.map(GuestKey::from).collect(),
        after: BTreeMap::new(),
        goal: Goal::Present,
        spec: SpecText::of(spec)?,
    })
}
