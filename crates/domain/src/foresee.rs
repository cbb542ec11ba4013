//! What will be, once a change was made: how a plan is known to its end before it is begun.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use crate::{
    BootId, Change, GibiBytes, GuestSpec, Health, Inside, Kind, Made, Origin, Owner, Property,
    Refusal, Run, Seen, SeenGuest, Step, StepName, Volume, VolumeSource,
};

/// A change that will be made, and in which step.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// The step.
    pub step: StepName,
    /// How the guest is before it.
    pub before: Seen,
    /// The change.
    pub change: Change,
}

/// Returns every change that separates what is seen from what is wanted, up to the first step that
/// refuses.
pub fn foresee(
    want: &GuestSpec,
    way: &[Box<dyn Step>],
    seen: &Seen,
) -> (Vec<Foreseen>, Option<(StepName, Refusal)>) {
    let mut now = seen.clone();
    let mut ahead = Vec::new();
    for step in way {
        let plan = match step.plan(want, &now) {
            Ok(plan) => plan,
            Err(refusal) => return (ahead, Some((step.name(), refusal))),
        };
        for change in plan.changes() {
            let after = now.after(want, change);
            let before = std::mem::replace(&mut now, after);
            ahead.push(Foreseen { step: step.name(), before, change: change.clone() });
        }
    }
    (ahead, None)
}

impl Seen {
    /// Returns what a look will tell once this change was made.
    #[must_use]
    pub fn after(&self, want: &GuestSpec, change: &Change) -> Self {
        let mut after = self.clone();
        match change {
            Change::Create { .. } => after.guest = Some(self.made(want, change)),
            Change::RemoveHalfMade | Change::Destroy { .. } => after.guest = None,
            Change::SetAside { by, .. } => {
                let gone = after.guest.take();
                let own = gone.into_iter().flat_map(|guest| guest.volumes);
                after.kept.extend(own.filter(Volume::is_own));
                after.aside.extend(want.vmid.beside().next().map(|there| (by.clone(), there)));
            }
            Change::SetProperties { .. }
            | Change::Attach { .. }
            | Change::Detach { .. }
            | Change::GrowVolume { .. }
            | Change::GrowRootDisk { .. }
            | Change::Start
            | Change::Restart
            | Change::Stop
            | Change::AwaitAgent
            | Change::InstallFeature { .. }
            | Change::SetUpService { .. }
            | Change::RunApplicationScript { .. }
            | Change::RestartServices
            | Change::ForgetApplication
            | Change::AwaitHealthy
            | Change::TakeSnapshot { .. }
            | Change::RemoveSnapshot { .. }
            | Change::RollBack { .. }
            | Change::CleanForTemplate
            | Change::ConvertToTemplate { .. }
            | Change::Adopt => {
                if let Some(guest) = &mut after.guest {
                    guest.obey(change);
                }
            }
        }
        after
    }

    /// Returns a guest that was just made.
    fn made(&self, want: &GuestSpec, change: &Change) -> SeenGuest {
        let mut guest = SeenGuest {
            owner: Owner::Phoenix,
            made: Made::Whole,
            run: Run::Stopped,
            boot: None,
            addresses: Vec::new(),
            properties: Vec::new(),
            unprivileged: want.container().map(|container| container.unprivileged),
            root_disk: want.root_disk.clone(),
            volumes: Vec::new(),
            snapshots: BTreeMap::new(),
            template: None,
            parent: want.parent(),
            is_protected: false,
            is_rigid: false,
            is_clean: false,
            freezes_volumes: false,
            inside: Some(untouched()),
        };
        if let Change::Create { origin, properties, .. } = change {
            if let (Origin::Clone { .. }, Some(from)) = (origin, &self.inheritance) {
                guest.properties.clone_from(&from.properties);
                guest.unprivileged = from.unprivileged;
                guest.root_disk.size = from.root_disk;
                guest.volumes.clone_from(&from.volumes);
            }
            guest.put(properties);
        }
        guest
    }
}

impl SeenGuest {
    fn obey(&mut self, change: &Change) {
        match change {
            Change::Create { .. }
            | Change::RemoveHalfMade
            | Change::SetAside { .. }
            | Change::Destroy { .. } => {}
            Change::CleanForTemplate => self.is_clean = true,
            Change::Adopt => self.owner = Owner::Phoenix,
            Change::SetProperties { to } => {
                let kind = match self.unprivileged {
                    Some(_) => Kind::Container,
                    None => Kind::Machine,
                };
                let waits = |property: &Property| {
                    property.waits_in(kind)
                        || (self.is_rigid && matches!(property, Property::Nics(_)))
                };
                if self.run == Run::Running && to.iter().any(waits) {
                    self.run = Run::RunningStale;
                }
                self.put(to);
            }
            Change::Attach { volume } => {
                self.volumes.retain(|old| old.place != volume.place);
                self.volumes.push(volume.clone());
                if self.run == Run::Running && self.is_rigid {
                    self.run = Run::RunningStale;
                }
            }
            Change::Detach { place } => {
                self.volumes.retain(|volume| volume.place != *place);
                if self.run == Run::Running {
                    self.run = Run::RunningStale;
                }
            }
            Change::GrowVolume { place, to } => {
                let grown = self.volumes.iter_mut().filter(|volume| volume.place == *place);
                grown.for_each(|volume| grow(volume, *to));
            }
            Change::GrowRootDisk { to } => self.root_disk.size = *to,
            Change::Start | Change::Restart => {
                self.run = Run::Running;
                self.is_clean = false;
                self.boot = Some(BootId::new("the next one".to_owned()));
                self.inside().agent_answers = false;
                self.inside().health = Health::Ailing("nobody has waited for it yet".to_owned());
            }
            Change::Stop => {
                self.run = Run::Stopped;
                self.boot = None;
                self.addresses.clear();
            }
            Change::AwaitAgent => self.inside().agent_answers = true,
            Change::InstallFeature { feature } => {
                self.inside().features.insert(feature.clone());
            }
            Change::SetUpService { feature } => {
                self.inside().service = Some(feature.clone());
            }
            Change::RunApplicationScript { script } => {
                self.inside().application = Some(script.clone());
            }
            Change::RestartServices => {
                self.inside().repaired = Some(BootId::new("the next one".to_owned()));
            }
            Change::ForgetApplication => {
                let inside = self.inside();
                (inside.service, inside.application) = (None, None);
                inside.repaired = Some(BootId::new("the next one".to_owned()));
            }
            Change::AwaitHealthy => self.inside().health = Health::Healthy,
            Change::TakeSnapshot { name, contents } => {
                self.snapshots.insert(name.clone(), contents.clone());
            }
            Change::RemoveSnapshot { name } => {
                self.snapshots.remove(name);
            }
            // What is in it then is for the next look to say.
            Change::RollBack { .. } => {
                self.run = Run::Stopped;
                self.boot = None;
                self.addresses.clear();
                self.inside = Some(untouched());
            }
            Change::ConvertToTemplate { contents } => self.template = Some(contents.clone()),
        }
    }

    fn put(&mut self, properties: &[Property]) {
        for property in properties {
            self.properties.retain(|old| discriminant(old) != discriminant(property));
            self.properties.push(property.clone());
        }
    }

    /// Returns its inside; nothing was done there where the look did not go so far.
    fn inside(&mut self) -> &mut Inside {
        self.inside.get_or_insert_with(untouched)
    }
}

fn untouched() -> Inside {
    Inside {
        features: BTreeSet::new(),
        outdated: BTreeSet::new(),
        service: None,
        application: None,
        repaired: None,
        agent_answers: false,
        health: Health::Ailing("nobody has waited for it yet".to_owned()),
    }
}

fn grow(volume: &mut Volume, to: GibiBytes) {
    match &mut volume.source {
        VolumeSource::Storage { size, .. } => *size = to,
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => {}
    }
}
