//! What a change makes of a guest, and what a real host refuses: a plain function.

use std::collections::BTreeMap;
use std::mem::discriminant;

use phoenix_domain::{
    AppArmor, Boot, Change, Firewall, GpuSet, GuestKey, GuestSpec, Inside, Kind, Made, MebiBytes,
    Origin, Owner, Property, Run, SnapshotName, SpecDigest, Vmid, Volume, VolumeSource, is_gateway,
};

use super::guest::{AGENT, Cure, Frozen, SimulatedGuest, half_made};
use super::mounts;
use super::refusal::Refuse;
use super::settings::Settings;
use crate::{Aside, HostError, aside};

/// What a change is made on.
pub(super) struct Scene<'s> {
    /// What is wanted of the guest.
    pub(super) want: &'s GuestSpec,
    /// The change.
    pub(super) change: &'s Change,
    /// The guest it is cloned from.
    pub(super) parent: Option<&'s SimulatedGuest>,
    /// Volumes that an earlier guest with this number has left.
    pub(super) kept: &'s [Volume],
    /// A free number for it, where it is to be set aside.
    pub(super) beside: Option<Vmid>,
    /// The settings of the host.
    pub(super) settings: &'s Settings,
}

/// What a change leaves.
pub(super) enum Left {
    /// This guest.
    Guest(Box<SimulatedGuest>),
    /// No guest, but these volumes for the next one with its number.
    Nothing { kept: Vec<Volume> },
    /// The same, and this guest under another number.
    Aside { guest: Box<SimulatedGuest>, kept: Vec<Volume> },
}

/// Returns what the change makes of the guest.
pub(super) fn after(scene: &Scene<'_>, before: Option<SimulatedGuest>) -> Result<Left, HostError> {
    let refuse = Refuse { change: scene.change };
    if let Change::Create { .. } = scene.change {
        return match before {
            Some(guest) => Err(refuse.for_now(&format!("{} exists already", guest.guest))),
            None => made(scene, &refuse).map(|guest| Left::Guest(Box::new(guest))),
        };
    }
    let Some(mut guest) = before else {
        return Err(refuse.for_now(&format!("{} does not exist", GuestKey::from(scene.want))));
    };
    match (scene.change, guest.seen.made) {
        (Change::RemoveHalfMade, Made::Half) => {
            return Ok(Left::Nothing { kept: guest.unused });
        }
        (Change::RemoveHalfMade, Made::Whole) => {
            return Err(refuse.for_now("its creation came to its end"));
        }
        (_, Made::Half) => return Err(refuse.locked("create")),
        (Change::Destroy { .. } | Change::SetAside { .. }, Made::Whole) if guest.runs() => {
            return Err(refuse.for_now("container is running"));
        }
        (Change::Destroy { volumes }, Made::Whole) => {
            return Ok(Left::Nothing { kept: mounts::kept(guest, volumes) });
        }
        (Change::SetAside { by, at }, Made::Whole) => {
            let of = guest.guest.vmid;
            let under = scene.beside.ok_or_else(|| aside::nowhere(of))?;
            let aside = Aside { of, by: by.clone(), at: *at };
            let kept = mounts::kept(guest.clone(), &[]);
            let guest = Box::new(guest.set_aside(under, aside));
            return Ok(Left::Aside { guest, kept });
        }
        (_, Made::Whole) => {}
    }
    change(scene, &refuse, &mut guest)?;
    Ok(Left::Guest(Box::new(guest)))
}

/// Returns the guest as it is once it is made.
fn made(scene: &Scene<'_>, refuse: &Refuse<'_>) -> Result<SimulatedGuest, HostError> {
    let Change::Create { origin, root_disk, unprivileged, properties } = scene.change else {
        return Err(refuse.for_good("it is no creation"));
    };
    let key = GuestKey::from(scene.want);
    let mut guest = half_made(key, root_disk.clone(), *unprivileged);
    match origin {
        Origin::Clone { parent } => {
            let Some(parent) = scene.parent else {
                return Err(refuse.for_now(&format!("its parent {parent} does not exist")));
            };
            inherit(&mut guest, parent, refuse)?;
            guest.seen.parent = Some(parent.guest.vmid);
        }
        Origin::Template { archive: from } | Origin::CloudImage { image: from } => {
            let known = &scene.settings.templates;
            if !known.is_empty() && !known.iter().any(|name| **name == **from) {
                return Err(refuse.for_good(&format!("there is no {from} on the host")));
            }
            guest.seen.properties = defaults(key);
            if let Origin::CloudImage { .. } = origin {
                guest.seen.root_disk.size.0 = root_disk.size.0.min(scene.settings.image_gib);
            }
        }
    }
    set(scene, refuse, &mut guest, properties)?;
    guest.unused = scene.kept.to_vec();
    guest.seen.made = Made::Whole;
    guest.seen.owner = Owner::Phoenix;
    Ok(guest)
}

/// Gives a clone all its parent has, as real clones do: also what it is not meant to have.
fn inherit(
    guest: &mut SimulatedGuest,
    parent: &SimulatedGuest,
    refuse: &Refuse<'_>,
) -> Result<(), HostError> {
    if parent.guest.kind != guest.guest.kind {
        return Err(refuse.for_good(&format!("its parent {} is of the other kind", parent.guest)));
    }
    let Some(frozen) = parent.to_clone() else {
        let why = format!("its parent {} has nothing to be cloned from", parent.guest);
        return Err(refuse.for_now(&why));
    };
    // What is set up to serve is each guest's own.
    let Frozen { properties, root_disk, volumes, features, application, brings, .. } = frozen;
    let is_bound = |source: &VolumeSource| matches!(source, VolumeSource::Host { .. });
    if let Some(volume) = volumes.iter().find(|volume| is_bound(&volume.source)) {
        let why = format!("unable to clone the directory mounted at {}", volume.place);
        return Err(refuse.for_good(&why));
    }
    guest.seen.properties = properties;
    guest.seen.root_disk.size = root_disk.size;
    guest.seen.volumes = volumes;
    guest.seen.unprivileged = parent.seen.unprivileged;
    guest.brings = brings;
    let inside = guest.inside();
    inside.features = features;
    inside.application = application;
    Ok(())
}

fn change(
    scene: &Scene<'_>,
    refuse: &Refuse<'_>,
    guest: &mut SimulatedGuest,
) -> Result<(), HostError> {
    match scene.change {
        Change::Create { .. }
        | Change::RemoveHalfMade
        | Change::SetAside { .. }
        | Change::Destroy { .. }
        | Change::AwaitHealthy => {}
        Change::Adopt => guest.seen.owner = Owner::Phoenix,
        Change::SetProperties { to } => set(scene, refuse, guest, to)?,
        Change::Attach { volume } => mounts::attach(refuse, guest, volume)?,
        Change::Detach { place } => mounts::detach(guest, place),
        Change::GrowVolume { place, to } => mounts::grow(refuse, guest, place, *to)?,
        Change::GrowRootDisk { to } => {
            let size = &mut guest.seen.root_disk.size;
            if *to <= *size {
                return Err(refuse.for_now(&format!("the disk has {size} already")));
            }
            *size = *to;
        }
        Change::Start => match (guest.runs(), &guest.seen.template) {
            (_, Some(_)) => return Err(refuse.for_good("a template cannot be started")),
            (true, None) => return Err(refuse.for_now("already running")),
            (false, None) => guest.boot(),
        },
        Change::Restart if guest.runs() => guest.boot(),
        Change::Restart => return Err(refuse.for_now("not running")),
        Change::Stop => match (guest.runs(), guest.guest.kind) {
            (true, _) => guest.halt(),
            // Of the two tools only this one does not mind.
            (false, Kind::Machine) => {}
            (false, Kind::Container) => return Err(refuse.for_now("not running")),
        },
        Change::AwaitAgent => {
            let is_sick = guest.broken.contains_key(AGENT);
            let is_there = guest.runs() && guest.guest.kind == Kind::Machine && !is_sick;
            if !is_there {
                return Err(refuse.for_now("the agent does not answer"));
            }
            guest.inside().agent_answers = true;
        }
        Change::InstallFeature { feature } => {
            let inside = entered(refuse, guest)?;
            inside.features.insert(feature.clone());
            guest.installed_by(feature, &scene.want.brings);
            if is_gateway(feature) {
                guest.upstreams = Some(SpecDigest::of_upstreams(&scene.want.upstreams));
            }
        }
        Change::SetUpService { feature } => {
            let inside = entered(refuse, guest)?;
            inside.service = Some(feature.clone());
            set_up(scene, guest);
        }
        Change::RunApplicationScript { script } => {
            let inside = entered(refuse, guest)?;
            inside.application = Some(script.clone());
            guest.brings.script.clone_from(&scene.want.brings.script);
            set_up(scene, guest);
        }
        Change::RestartServices => {
            entered(refuse, guest)?;
            guest.repair();
            guest.cure(&[Cure::Service]);
        }
        Change::ForgetApplication => {
            let inside = entered(refuse, guest)?;
            (inside.service, inside.application) = (None, None);
            guest.repair();
        }
        Change::TakeSnapshot { name, contents } => {
            can_be_held(refuse, guest, name)?;
            guest.hold(name, contents.as_ref());
        }
        Change::RemoveSnapshot { name } => {
            let gone = guest.seen.snapshots.remove(name);
            gone.ok_or_else(|| no_snapshot(refuse, name))?;
            guest.frozen.remove(name);
        }
        Change::RollBack { name } => {
            guest.roll_back(name).then_some(()).ok_or_else(|| no_snapshot(refuse, name))?;
        }
        Change::CleanForTemplate => {
            entered(refuse, guest)?;
            guest.clean = true;
        }
        Change::ConvertToTemplate { contents } => {
            if guest.seen.template.is_some() {
                return Err(refuse.for_now("it is a template already"));
            }
            if guest.runs() {
                return Err(refuse.for_now("it is running"));
            }
            if !guest.seen.snapshots.is_empty() {
                return Err(refuse.for_good("it contains snapshots"));
            }
            if guest.guest.kind == Kind::Machine && !guest.clean {
                return Err(refuse.for_now("it is not clean"));
            }
            guest.seen.template = Some(contents.clone());
        }
    }
    Ok(())
}

fn no_snapshot(refuse: &Refuse<'_>, name: &SnapshotName) -> HostError {
    refuse.for_now(&format!("snapshot '{name}' does not exist"))
}

/// Says why no snapshot of this name can be taken.
fn can_be_held(
    refuse: &Refuse<'_>,
    guest: &SimulatedGuest,
    name: &SnapshotName,
) -> Result<(), HostError> {
    if guest.seen.snapshots.contains_key(name) {
        return Err(refuse.for_now(&format!("snapshot name '{name}' already used")));
    }
    can_be_frozen(refuse, guest)
}

/// Gives a guest what its application serves, well again.
fn set_up(scene: &Scene<'_>, guest: &mut SimulatedGuest) {
    guest.cure(&[Cure::Application]);
    guest.model_server.clone_from(&scene.want.model_server);
}

/// Returns the inside of a guest in which something can be run.
fn entered<'g>(
    refuse: &Refuse<'_>,
    guest: &'g mut SimulatedGuest,
) -> Result<&'g mut Inside, HostError> {
    if !guest.runs() {
        return Err(refuse.for_now("not running"));
    }
    let kind = guest.guest.kind;
    let inside = guest.inside();
    if kind == Kind::Machine && !inside.agent_answers {
        return Err(refuse.for_now("the agent does not answer"));
    }
    Ok(inside)
}

fn can_be_frozen(refuse: &Refuse<'_>, guest: &SimulatedGuest) -> Result<(), HostError> {
    if guest.seen.template.is_some() {
        return Err(refuse.for_good("it is a template"));
    }
    let is_bound = |source: &VolumeSource| matches!(source, VolumeSource::Host { .. });
    match guest.seen.volumes.iter().find(|volume| is_bound(&volume.source)) {
        Some(volume) if guest.guest.kind == Kind::Container => Err(refuse.for_good(&format!(
            "snapshot feature is not available: a directory of the host is mounted at {}",
            volume.place
        ))),
        Some(_) | None => Ok(()),
    }
}

fn set(
    scene: &Scene<'_>,
    refuse: &Refuse<'_>,
    guest: &mut SimulatedGuest,
    to: &[Property],
) -> Result<(), HostError> {
    for property in to {
        if let Property::Gpus(gpus) = property {
            let is_there = |index: &u8| scene.settings.gpus.iter().any(|gpu| gpu.index == *index);
            if let Some(index) = gpus.indices().iter().find(|index| !is_there(index)) {
                return Err(refuse.for_good(&format!("there is no GPU {index}")));
            }
        }
    }
    put_properties(guest, to);
    Ok(())
}

/// Gives a guest these properties; what it runs with may have to wait for a restart.
pub(super) fn put_properties(guest: &mut SimulatedGuest, to: &[Property]) {
    let mut waits = false;
    for property in to {
        let had = &mut guest.seen.properties;
        if had.contains(property) {
            continue;
        }
        had.retain(|old| discriminant(old) != discriminant(property));
        had.push(property.clone());
        had.sort_by_key(rank);
        waits |= property.waits_in(guest.guest.kind);
    }
    if waits && guest.runs() {
        guest.seen.run = Run::RunningStale;
    }
}

/// Returns what a host says of a guest of which nothing was said.
fn defaults(guest: GuestKey) -> Vec<Property> {
    let name = match guest.kind {
        Kind::Container => format!("CT{}", guest.vmid),
        Kind::Machine => format!("VM{}", guest.vmid),
    };
    let mut properties = vec![
        Property::Cores(None),
        Property::Memory(MebiBytes(512)),
        Property::Nics(Vec::new()),
        Property::Boot(Boot::default()),
        Property::Gpus(GpuSet::default()),
        Property::Firewall(Firewall::default()),
        Property::Spec(None),
    ];
    properties.extend(name.parse().ok().map(Property::Name));
    match guest.kind {
        Kind::Container => properties.extend([
            Property::Swap(None),
            Property::Options(BTreeMap::new()),
            Property::Confinement { profile: AppArmor::Generated, nesting: false },
            Property::RawLines(Vec::new()),
            Property::IdMaps(Vec::new()),
        ]),
        Kind::Machine => properties.push(Property::User(None)),
    }
    properties.sort_by_key(rank);
    properties
}

/// Returns the place of a property, so that they stand in one order however they were set.
fn rank(property: &Property) -> u8 {
    match property {
        Property::Name(_) => 0,
        Property::Cores(_) => 1,
        Property::Memory(_) => 2,
        Property::Swap(_) => 3,
        Property::Nics(_) => 4,
        Property::Boot(_) => 5,
        Property::Gpus(_) => 6,
        Property::Firewall(_) => 7,
        Property::Options(_) => 8,
        Property::Confinement { .. } => 9,
        Property::RawLines(_) => 10,
        Property::IdMaps(_) => 11,
        Property::User(_) => 12,
        Property::Spec(_) => 13,
    }
}
