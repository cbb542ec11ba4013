//! A host whose changes cost nothing, for measuring everything else. It forgets all when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use phoenix_domain::{
    Change, Facets, GuestSpec, Health, Inside, Made, Origin, Owner, Run, Seen, SeenGuest,
    SeenParent, Vmid,
};

use crate::{Hand, HostError, Hypervisor, Inventory};

/// A host in memory that does as it is told, at once.
#[derive(Debug, Default)]
pub struct Idle {
    guests: Mutex<BTreeMap<Vmid, SeenGuest>>,
}

impl Hypervisor for Idle {
    async fn look(&self, want: &GuestSpec, _facets: Facets) -> Result<Seen, HostError> {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let is_sealed = |parent: &Vmid| {
            guests.get(parent).is_some_and(|guest| {
                guest.template.is_some() || guest.snapshots.values().any(Option::is_some)
            })
        };
        let parent = match &want.origin {
            Origin::Clone { parent } if is_sealed(parent) => SeenParent::Ready,
            Origin::Clone { .. } | Origin::Template { .. } | Origin::CloudImage { .. } => {
                SeenParent::NotReady
            }
        };
        Ok(Seen { guest: guests.get(&want.vmid).cloned(), parent })
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, _: &Hand) -> Result<(), HostError> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Change::Create { root_disk, unprivileged, .. } = change {
            let guest = SeenGuest {
                owner: Owner::Phoenix,
                made: Made::Whole,
                run: Run::Stopped,
                properties: Vec::new(),
                unprivileged: *unprivileged,
                root_disk: root_disk.clone(),
                volumes: Vec::new(),
                snapshots: BTreeMap::new(),
                template: None,
                inside: Some(Inside {
                    features: BTreeSet::new(),
                    application: None,
                    agent_answers: false,
                    health: Health::Ailing("nobody has waited for it yet".to_owned()),
                }),
            };
            guests.insert(want.vmid, guest);
            return Ok(());
        }
        if let Some(guest) = guests.get_mut(&want.vmid) {
            obey(guest, change);
        }
        Ok(())
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        Ok(Inventory { driver: "idle".to_owned(), ..Inventory::default() })
    }
}

fn obey(guest: &mut SeenGuest, change: &Change) {
    let Some(inside) = &mut guest.inside else { return };
    match change {
        Change::Create { .. }
        | Change::RemoveHalfMade
        | Change::CleanForTemplate
        | Change::GrowVolume { .. } => {}
        Change::SetProperties { to } => guest.properties.extend(to.iter().cloned()),
        Change::Attach { volume } => guest.volumes.push(volume.clone()),
        Change::Detach { place } => guest.volumes.retain(|volume| volume.place != *place),
        Change::GrowRootDisk { to } => guest.root_disk.size = *to,
        Change::Start | Change::Restart => guest.run = Run::Running,
        Change::Stop => guest.run = Run::Stopped,
        Change::AwaitAgent => inside.agent_answers = true,
        Change::InstallFeature { feature } => {
            inside.features.insert(feature.clone());
        }
        Change::RunApplicationScript { script } => inside.application = Some(script.clone()),
        Change::AwaitHealthy => inside.health = Health::Healthy,
        Change::TakeSnapshot { name, contents } => {
            guest.snapshots.insert(name.clone(), contents.clone());
        }
        Change::RemoveSnapshot { name } => {
            guest.snapshots.remove(name);
        }
        Change::ConvertToTemplate { contents } => guest.template = Some(contents.clone()),
    }
}
