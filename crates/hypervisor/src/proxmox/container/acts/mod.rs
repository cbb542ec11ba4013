//! What a change of a container comes to: the very commands and edits, as data.

use phoenix_domain::{
    AppArmor, Change, Container, Disk, GpuSet, Nic, Origin, Property, Volume, VolumeSource,
};

use crate::Aside;
use crate::proxmox::acts::{Act, Common, Edit, Options};
use crate::proxmox::conf::{Conf, Section};
use crate::proxmox::mark;
use crate::proxmox::notes::Kept;
use crate::proxmox::words::mount::{Mount, mounts, root_disk};
use crate::proxmox::words::raw::Raw;
use crate::proxmox::words::{gpu, net, options};

/// What Proxmox gives a container that says nothing about swap, in MiB.
pub(in crate::proxmox) const DEFAULT_SWAP: u64 = 512;

/// What is known when a change is turned into acts.
pub(super) struct Ground<'g> {
    pub(super) common: Common<'g>,
    pub(super) container: &'g Container,
    /// Its volumes that are mounted no longer.
    pub(super) kept: &'g [Kept],
}

impl Ground<'_> {
    /// Returns what a change comes to.
    pub(super) fn acts(&self, change: &Change) -> Vec<Act> {
        match change {
            Change::Create { origin, root_disk, properties, .. } => {
                self.create(origin, root_disk, properties)
            }
            Change::SetProperties { to } => self.set(to),
            Change::Attach { volume } => self.attach(volume),
            Change::Detach { place } => {
                let mounts = mounts(&self.common.conf.settled());
                let gone = mounts.iter().find(|mount| mount.is_at(place));
                let key = |mount: &Mount| format!("mp{}", mount.index);
                gone.map(|mount| self.common.tool("set", &["--delete", &key(mount)]))
                    .into_iter()
                    .collect()
            }
            Change::GrowVolume { place, to } => {
                let mounts = mounts(&self.common.conf.settled());
                let grown = mounts.iter().find(|mount| mount.is_at(place));
                let key = |mount: &Mount| format!("mp{}", mount.index);
                let size = format!("{}G", to.0);
                grown
                    .map(|mount| self.common.tool("resize", &[&key(mount), &size]))
                    .into_iter()
                    .collect()
            }
            Change::GrowRootDisk { to } => {
                vec![self.common.tool("resize", &["rootfs", &format!("{}G", to.0)])]
            }
            Change::AwaitAgent => vec![Act::Wait("for its agent")],
            Change::CleanForTemplate => Vec::new(),
            Change::Destroy { volumes } => {
                let without = self.keys_to_keep(volumes);
                let edit = Edit { without, ..Edit::default() };
                let destroy = self.common.tool("destroy", &["--purge", "1"]);
                edit.act().into_iter().chain([destroy]).collect()
            }
            Change::SetAside { by, at } => {
                let of = self.common.want.vmid;
                let mounts = mounts(&self.common.conf.main).into_iter();
                let bound =
                    mounts.filter(Mount::is_bound).map(|mount| format!("mp{}", mount.index));
                let edit = Edit {
                    aside: Some(Aside { of, by: by.clone(), at: *at }),
                    keys: [("onboot".to_owned(), "0".to_owned())].into(),
                    without: self.keys_to_keep(&[]).into_iter().chain(bound).collect(),
                    ..Edit::default()
                };
                vec![Act::Edit(edit), Act::Renumber]
            }
            Change::RemoveHalfMade
            | Change::Start
            | Change::Restart
            | Change::Stop
            | Change::InstallFeature { .. }
            | Change::SetUpService { .. }
            | Change::RunApplicationScript { .. }
            | Change::RestartServices
            | Change::ForgetApplication
            | Change::AwaitHealthy
            | Change::TakeSnapshot { .. }
            | Change::RemoveSnapshot { .. }
            | Change::RollBack { .. }
            | Change::ConvertToTemplate { .. }
            | Change::Adopt => self.common.acts(change),
        }
    }

    /// Returns the keys of volumes that are not destroyed with the guest. Proxmox takes with it
    /// whatever its config names, also what is mounted nowhere.
    pub(super) fn keys_to_keep(&self, given_up: &[Volume]) -> Vec<String> {
        let is_given_up = |mount: &Mount| given_up.iter().any(|volume| mount.is_at(&volume.place));
        let kept = mounts(&self.common.conf.main)
            .into_iter()
            .filter(|mount| !mount.is_bound() && !is_given_up(mount))
            .map(|mount| format!("mp{}", mount.index));
        let unused = self.common.conf.main.numbered("unused").into_keys();
        kept.chain(unused.map(|index| format!("unused{index}"))).collect()
    }

    fn create(&self, origin: &Origin, disk: &Disk, properties: &[Property]) -> Vec<Act> {
        let mark = self.common.mark(properties);
        match origin {
            Origin::Template { archive } | Origin::CloudImage { image: archive } => {
                let mut options = Options::default();
                options.set("rootfs", format!("{}:{}", disk.storage, disk.size.0));
                options.set("unprivileged", u8::from(self.container.unprivileged).to_string());
                options.set("tags", mark::TAG.to_owned());
                options.set("description", mark);
                let (mut acts, edit) =
                    self.options_of(properties, &mut options, &Section::default());
                let arguments = std::iter::once(archive.to_string()).chain(options.arguments());
                // What follows needs the guest to be there.
                acts.insert(0, self.common.tool_with("create", arguments));
                let edit = Edit { mark: None, ..edit };
                acts.extend(edit.act());
                acts
            }
            Origin::Clone { parent } => {
                let there = |conf: &Conf| root_disk(&conf.main).map(|disk| disk.storage);
                vec![self.common.clone_of(*parent, "hostname", mark, disk, there)]
            }
        }
    }

    /// Returns one command for everything that can be said to `pct`, and one edit for the rest.
    fn set(&self, to: &[Property]) -> Vec<Act> {
        let mut options = Options::default();
        let (mut acts, edit) = self.options_of(to, &mut options, &self.common.conf.settled());
        acts.extend(self.common.set(options));
        acts.extend(edit.act());
        acts
    }

    /// Puts properties into options of `pct`, where they differ from what a section has, and
    /// returns what cannot be put there.
    fn options_of(
        &self,
        to: &[Property],
        options: &mut Options,
        have: &Section,
    ) -> (Vec<Act>, Edit) {
        let (mut acts, mut edit) = (Vec::new(), Edit::default());
        for property in to {
            match property {
                Property::Name(name) => options.set("hostname", name.to_string()),
                Property::Cores(cores) => {
                    options.set_or_delete("cores", cores.map(|cores| cores.to_string()), have);
                }
                Property::Memory(memory) => options.set("memory", memory.0.to_string()),
                Property::Swap(swap) => {
                    options.set("swap", swap.map_or(DEFAULT_SWAP, |swap| swap.0).to_string());
                }
                Property::Nics(nics) => self.network(nics, options, have),
                Property::Boot(boot) => options.at_boot(boot, have),
                Property::Gpus(gpus) => devices(gpus, options, have),
                Property::Firewall(firewall) => {
                    acts.push(Act::Firewall(firewall.clone()));
                    self.network(&self.common.want.nics, options, have);
                }
                Property::Options(switches) => {
                    options.set_or_delete("features", options::write(switches), have);
                }
                Property::Confinement { .. } | Property::RawLines(_) | Property::IdMaps(_) => {
                    let raw = Raw::wanted(self.container).write();
                    if raw != have.raw {
                        edit.raw = Some(raw);
                    }
                    if let Property::Confinement { profile: AppArmor::Named(name), .. } = property {
                        acts.push(Act::Profile(name.clone()));
                    }
                }
                Property::Spec(spec) => edit.mark.clone_from(spec),
                // Machines have users; their driver sets them.
                Property::User(_) => {}
            }
        }
        (acts, edit)
    }

    /// Sets the interfaces that differ, as setting one takes its cable out for a moment.
    fn network(&self, nics: &[Nic], options: &mut Options, have: &Section) {
        let has = have.numbered("net");
        let is_read = net::read(have, self.common.want);
        let firewall = self.common.want.firewall.enabled;
        for (nth, nic) in nics.iter().enumerate() {
            let Ok(index) = u32::try_from(nth) else { continue };
            let value = has.get(&index).copied();
            let is_same = is_read.get(nth).is_some_and(|read| {
                Nic { nameservers: Vec::new(), ..read.clone() }
                    == Nic { nameservers: Vec::new(), ..nic.clone() }
            });
            let is_guarded = value.is_some_and(net::is_guarded);
            if !is_same || is_guarded != firewall {
                options.set(&format!("net{index}"), net::write(nic, nth, value, firewall));
            }
        }
        let wanted = u32::try_from(nics.len()).unwrap_or(u32::MAX);
        for index in has.keys().filter(|index| **index >= wanted) {
            options.delete(format!("net{index}"));
        }
        let servers = net::nameserver(nics);
        if servers.as_deref() != have.get("nameserver") {
            options.set_or_delete("nameserver", servers, have);
        }
    }

    fn attach(&self, volume: &Volume) -> Vec<Act> {
        let place = volume.place.place();
        let key = format!("--mp{}", self.index_for(volume));
        match &volume.source {
            VolumeSource::Storage { storage, size, .. } => {
                let source = match self.kept_for(volume) {
                    Some(kept) => kept.id.clone(),
                    None => format!("{storage}:{}", size.0),
                };
                vec![self.common.tool("set", &[&key, &format!("{source},mp={place}")])]
            }
            VolumeSource::Host { path, owner, group } => {
                let directory =
                    Act::Directory { path: path.to_string(), owner: *owner, group: *group };
                let is_mounted = mounts(&self.common.conf.settled())
                    .iter()
                    .any(|mount| mount.is_at(&volume.place) && mount.source == path.to_string());
                if is_mounted {
                    return vec![directory];
                }
                vec![directory, self.common.tool("set", &[&key, &format!("{path},mp={place}")])]
            }
            VolumeSource::Nfs { .. } => Vec::new(),
        }
    }

    /// Returns the volume that was mounted there before, and still is a volume.
    pub(super) fn kept_for(&self, volume: &Volume) -> Option<&Kept> {
        let VolumeSource::Storage { name, storage, .. } = &volume.source else { return None };
        let is_mounted = |kept: &Kept| {
            mounts(&self.common.conf.settled()).iter().any(|mount| mount.source == kept.id)
        };
        let mut kept =
            self.kept.iter().filter(|kept| kept.storage == *storage && !is_mounted(kept));
        let by_place = |kept: &&Kept| kept.place.place() == volume.place.place();
        kept.clone().find(by_place).or_else(|| kept.find(|kept| kept.name.as_ref() == Some(name)))
    }

    /// Returns a free index for a volume: its own place in the list, so that the same list always
    /// gets the same indices, unless something else has that.
    fn index_for(&self, volume: &Volume) -> u32 {
        let taken = self.common.conf.taken("mp");
        let own = self.common.want.volumes.iter().position(|wanted| wanted.place == volume.place);
        let own = own.and_then(|own| u32::try_from(own).ok()).unwrap_or_default();
        let beyond = u32::try_from(self.common.want.volumes.len()).unwrap_or_default();
        // Proxmox has no index above this one.
        let free = std::iter::once(own).chain(beyond..=255).find(|index| !taken.contains(index));
        free.unwrap_or(own)
    }
}

fn devices(gpus: &GpuSet, options: &mut Options, have: &Section) {
    let (set, gone) = gpu::difference(&have.numbered("dev"), gpus);
    for (index, value) in set {
        options.set(&format!("dev{index}"), value);
    }
    for index in gone {
        options.delete(format!("dev{index}"));
    }
}

#[cfg(test)]
mod tests;
