//! What a change comes to on a Proxmox host: the very commands and edits, as data.
//!
//! Nothing here looks at a host or touches it, so that a plan can show what would be done and a
//! test can read it.

mod shown;

use std::collections::BTreeMap;

use phoenix_domain::{
    AppArmor, Boot, Change, Container, Disk, Firewall, GpuSet, GuestSpec, Kind, Nic, NodeName,
    Origin, ProfileName, Property, RawLine, SpecDigest, Vmid, Volume, VolumeSource,
};

pub(super) use self::shown::Shown;
use super::conf::{Conf, Section};
use super::mark::{self, Whose};
use super::notes::Kept;
use super::words::mount::{Mount, mounts, root_disk};
use super::words::raw::Raw;
use super::words::{boot, firewall, gpu, net, options};

/// What Proxmox gives a container that says nothing about swap, in MiB.
pub(super) const DEFAULT_SWAP: u64 = 512;
/// How long a container has to shut down by itself, in seconds.
const SHUTDOWN: &str = "60";

/// One thing done to a host.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// A command of Proxmox's tool for guests of a kind.
    Tool(Kind, Vec<String>),
    /// The config file is edited, under Proxmox's own lock.
    Edit(Edit),
    /// What a machine is told by Cloud-Init is written.
    Seed,
    /// What a machine was told is taken away.
    NoSeed,
    /// The firewall file is written.
    Firewall(Firewall),
    /// An AppArmor profile is brought to the host, if it is not loaded yet.
    Profile(ProfileName),
    /// A directory of the host is made and given to an id inside.
    Directory { path: String, owner: Option<u32>, group: Option<u32> },
    /// Something is run inside.
    Inside(String),
    /// Somebody waits.
    Wait(&'static str),
}

/// What is edited in a config file, as `pct` cannot say it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Edit {
    /// All raw lines there should be.
    pub(super) raw: Option<Vec<RawLine>>,
    /// The spec our mark should name.
    pub(super) mark: Option<SpecDigest>,
    /// What clones find in it.
    pub(super) contents: Option<SpecDigest>,
    /// Keys that should have another value.
    pub(super) keys: BTreeMap<String, String>,
    /// Keys whose lines go, while what they name stays.
    pub(super) without: Vec<String>,
}

impl Edit {
    /// Returns the section as it should be.
    pub(super) fn made(&self, section: &Section, whose: Whose) -> Section {
        let mut section = section.clone();
        if let Some(raw) = &self.raw {
            section.raw.clone_from(raw);
        }
        if let Some(spec) = &self.mark {
            whose.put(&mut section, spec);
        }
        if let Some(contents) = &self.contents {
            mark::put_contents(&mut section, contents);
        }
        section.keys.extend(self.keys.clone());
        for key in &self.without {
            section.keys.remove(key);
        }
        section
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is known when a change is turned into acts.
pub(super) struct Ground<'g> {
    pub(super) cell: &'g NodeName,
    pub(super) want: &'g GuestSpec,
    pub(super) container: &'g Container,
    /// The config of the guest; empty where it is not there yet.
    pub(super) conf: &'g Conf,
    /// The config of what it is cloned from.
    pub(super) parent: Option<&'g Conf>,
    /// Its volumes that are mounted no longer.
    pub(super) kept: &'g [Kept],
}

impl Ground<'_> {
    fn whose(&self) -> Whose<'_> {
        Whose { cell: self.cell, vmid: self.want.vmid }
    }

    /// Returns what a change comes to.
    pub(super) fn acts(&self, change: &Change) -> Vec<Act> {
        let vmid = self.want.vmid;
        match change {
            Change::Create { origin, root_disk, properties, .. } => {
                self.create(origin, root_disk, properties)
            }
            Change::RemoveHalfMade => {
                vec![pct(&["unlock"], vmid, &[]), pct(&["destroy"], vmid, &["--purge", "1"])]
            }
            Change::SetProperties { to } => self.set(to),
            Change::Attach { volume } => self.attach(volume),
            Change::Detach { place } => {
                let mounts = mounts(&self.conf.settled());
                let gone = mounts.iter().find(|mount| mount.is_at(place));
                let key = |mount: &Mount| format!("mp{}", mount.index);
                gone.map(|mount| pct(&["set"], vmid, &["--delete", &key(mount)]))
                    .into_iter()
                    .collect()
            }
            Change::GrowVolume { place, to } => {
                let mounts = mounts(&self.conf.settled());
                let grown = mounts.iter().find(|mount| mount.is_at(place));
                let key = |mount: &Mount| format!("mp{}", mount.index);
                let size = format!("{}G", to.0);
                grown
                    .map(|mount| pct(&["resize"], vmid, &[&key(mount), &size]))
                    .into_iter()
                    .collect()
            }
            Change::GrowRootDisk { to } => {
                vec![pct(&["resize"], vmid, &["rootfs", &format!("{}G", to.0)])]
            }
            Change::Start => vec![pct(&["start"], vmid, &[])],
            Change::Restart => vec![stop(vmid), pct(&["start"], vmid, &[])],
            Change::Stop => vec![stop(vmid)],
            Change::AwaitAgent => vec![Act::Wait("for its agent")],
            Change::InstallFeature { feature } => {
                vec![Act::Inside(format!("install the feature {feature}"))]
            }
            Change::SetUpService { feature } => {
                vec![Act::Inside(format!("set up what {feature} serves"))]
            }
            Change::RunApplicationScript { script } => vec![Act::Inside(format!("run {script}"))],
            Change::AwaitHealthy => checked(&self.want.checks),
            Change::TakeSnapshot { name, contents } => {
                let mut arguments = vec![name.to_string()];
                if let Some(contents) = contents {
                    arguments.extend(["--description".to_owned(), mark::contents_line(contents)]);
                }
                let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
                vec![pct(&["snapshot"], vmid, &arguments)]
            }
            Change::RemoveSnapshot { name } => {
                // One that was never finished may have nothing on the storage to be removed.
                let snapshot = self.conf.snapshots.get(name.as_str());
                let mut arguments = vec![name.as_str()];
                if snapshot.is_some_and(|section| !is_whole(section)) {
                    arguments.extend(["--force", "1"]);
                }
                vec![pct(&["delsnapshot"], vmid, &arguments)]
            }
            Change::CleanForTemplate => Vec::new(),
            Change::ConvertToTemplate { contents } => {
                let edit = Edit { contents: Some(contents.clone()), ..Edit::default() };
                vec![Act::Edit(edit), pct(&["template"], vmid, &[])]
            }
            Change::Adopt => {
                let mark = Some(SpecDigest::of(self.want));
                vec![Act::Edit(Edit { mark, ..Edit::default() })]
            }
            Change::Destroy { volumes } => {
                let without = self.keys_to_keep(volumes);
                let edit = Edit { without, ..Edit::default() };
                let edit = (!edit.is_empty()).then_some(Act::Edit(edit));
                edit.into_iter().chain([pct(&["destroy"], vmid, &["--purge", "1"])]).collect()
            }
        }
    }

    /// Returns the keys of volumes that are not destroyed with the guest. Proxmox takes with it
    /// whatever its config names, also what is mounted nowhere.
    pub(super) fn keys_to_keep(&self, given_up: &[Volume]) -> Vec<String> {
        let is_given_up = |mount: &Mount| given_up.iter().any(|volume| mount.is_at(&volume.place));
        let kept = mounts(&self.conf.main)
            .into_iter()
            .filter(|mount| !mount.is_bound() && !is_given_up(mount))
            .map(|mount| format!("mp{}", mount.index));
        let unused = self.conf.main.numbered("unused").into_keys();
        kept.chain(unused.map(|index| format!("unused{index}"))).collect()
    }

    fn create(&self, origin: &Origin, disk: &Disk, properties: &[Property]) -> Vec<Act> {
        let vmid = self.want.vmid;
        let spec = properties.iter().find_map(Property::spec).cloned();
        let spec = spec.unwrap_or_else(|| SpecDigest::of(self.want));
        let mark = self.whose().line(self.want.parent(), &spec);
        match origin {
            Origin::Template { archive } | Origin::CloudImage { image: archive } => {
                let mut options = Options::default();
                options.set("rootfs", format!("{}:{}", disk.storage, disk.size.0));
                options.set("unprivileged", u8::from(self.container.unprivileged).to_string());
                options.set("tags", mark::TAG.to_owned());
                options.set("description", mark);
                let (mut acts, edit) =
                    self.options_of(properties, &mut options, &Section::default());
                let mut arguments =
                    vec!["create".to_owned(), vmid.to_string(), archive.to_string()];
                arguments.extend(options.arguments());
                // What follows needs the guest to be there.
                acts.insert(0, Act::Tool(Kind::Container, arguments));
                let edit = Edit { mark: None, ..edit };
                acts.extend((!edit.is_empty()).then_some(Act::Edit(edit)));
                acts
            }
            Origin::Clone { parent } => {
                let mut arguments = vec!["clone".to_owned(), parent.to_string(), vmid.to_string()];
                let mut add = |option: &str, value: String| {
                    arguments.extend([format!("--{option}"), value]);
                };
                add("hostname", self.want.name.to_string());
                add("description", mark);
                let parent = self.parent.map(|parent| (parent, sealed(parent)));
                match parent {
                    Some((parent, Some(Sealed::Template))) => {
                        // A linked clone is where its parent is.
                        let there = root_disk(&parent.main).map(|disk| disk.storage);
                        if there.is_some_and(|there| there != disk.storage) {
                            add("full", "1".to_owned());
                            add("storage", disk.storage.to_string());
                        }
                    }
                    Some((_, Some(Sealed::Snapshot(name)))) => {
                        add("snapname", name);
                        add("full", "1".to_owned());
                        add("storage", disk.storage.to_string());
                    }
                    Some((_, None)) | None => {}
                }
                vec![Act::Tool(Kind::Container, arguments)]
            }
        }
    }

    /// Returns one command for everything that can be said to `pct`, and one edit for the rest.
    fn set(&self, to: &[Property]) -> Vec<Act> {
        let vmid = self.want.vmid.to_string();
        let mut options = Options::default();
        let (mut acts, edit) = self.options_of(to, &mut options, &self.conf.settled());
        let arguments = options.arguments();
        if !arguments.is_empty() {
            let arguments = ["set".to_owned(), vmid].into_iter().chain(arguments).collect();
            acts.push(Act::Tool(Kind::Container, arguments));
        }
        acts.extend((!edit.is_empty()).then_some(Act::Edit(edit)));
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
                Property::Boot(boot) => at_boot(boot, options, have),
                Property::Gpus(gpus) => devices(gpus, options, have),
                Property::Firewall(firewall) => {
                    acts.push(Act::Firewall(firewall.clone()));
                    self.network(&self.want.nics, options, have);
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
        let is_read = net::read(have, self.want);
        let firewall = self.want.firewall.enabled;
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
        let vmid = self.want.vmid;
        let place = volume.place.place();
        let key = format!("--mp{}", self.index_for(volume));
        match &volume.source {
            VolumeSource::Storage { storage, size, .. } => {
                let source = match self.kept_for(volume) {
                    Some(kept) => kept.id.clone(),
                    None => format!("{storage}:{}", size.0),
                };
                vec![pct(&["set"], vmid, &[&key, &format!("{source},mp={place}")])]
            }
            VolumeSource::Host { path, owner, group } => {
                let directory =
                    Act::Directory { path: path.to_string(), owner: *owner, group: *group };
                let is_mounted = mounts(&self.conf.settled())
                    .iter()
                    .any(|mount| mount.is_at(&volume.place) && mount.source == path.to_string());
                if is_mounted {
                    return vec![directory];
                }
                vec![directory, pct(&["set"], vmid, &[&key, &format!("{path},mp={place}")])]
            }
            VolumeSource::Nfs { .. } => Vec::new(),
        }
    }

    /// Returns the volume that was mounted there before, and still is a volume.
    pub(super) fn kept_for(&self, volume: &Volume) -> Option<&Kept> {
        let VolumeSource::Storage { name, storage, .. } = &volume.source else { return None };
        let is_mounted =
            |kept: &Kept| mounts(&self.conf.settled()).iter().any(|mount| mount.source == kept.id);
        let mut kept =
            self.kept.iter().filter(|kept| kept.storage == *storage && !is_mounted(kept));
        let by_place = |kept: &&Kept| kept.place.place() == volume.place.place();
        kept.clone().find(by_place).or_else(|| kept.find(|kept| kept.name.as_ref() == Some(name)))
    }

    /// Returns a free index for a volume: its own place in the list, so that the same list always
    /// gets the same indices, unless something else has that.
    fn index_for(&self, volume: &Volume) -> u32 {
        let taken = self.conf.taken("mp");
        let own = self.want.volumes.iter().position(|wanted| wanted.place == volume.place);
        let own = own.and_then(|own| u32::try_from(own).ok()).unwrap_or_default();
        let beyond = u32::try_from(self.want.volumes.len()).unwrap_or_default();
        // Proxmox has no index above this one.
        let free = std::iter::once(own).chain(beyond..=255).find(|index| !taken.contains(index));
        free.unwrap_or(own)
    }

    /// Returns the config as it will be after a change, as far as later changes go by it.
    pub(super) fn imagine(&self, change: &Change, is_running: bool) -> Conf {
        let mut conf = self.conf.clone();
        for act in self.acts(change) {
            match act {
                Act::Tool(_, arguments) => {
                    imagine(&mut conf, self.parent, &arguments, is_running);
                }
                Act::Edit(edit) => conf.main = edit.made(&conf.main, self.whose()),
                Act::Seed
                | Act::NoSeed
                | Act::Firewall(_)
                | Act::Profile(_)
                | Act::Directory { .. }
                | Act::Inside(_)
                | Act::Wait(_) => {}
            }
        }
        conf
    }
}

/// What others can be cloned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    Template,
    Snapshot(String),
}

/// Returns what others can be cloned from, if there is something.
pub(super) fn sealed(conf: &Conf) -> Option<Sealed> {
    if conf.main.is("template") {
        return Some(Sealed::Template);
    }
    let mut made_for_it =
        conf.snapshots.iter().filter(|(_, section)| snapshot_contents(section).is_some());
    made_for_it.next().map(|(name, _)| Sealed::Snapshot(name.clone()))
}

/// Returns what clones find in a snapshot; nothing where it was not made for that, or not finished.
pub(super) fn snapshot_contents(section: &Section) -> Option<SpecDigest> {
    mark::contents(section).filter(|_| is_whole(section))
}

/// Says whether the taking of a snapshot came to its end.
pub(super) fn is_whole(section: &Section) -> bool {
    section.get("snapstate").is_none()
}

/// Does to a config what a command of `pct` does.
pub(super) fn imagine(
    conf: &mut Conf,
    parent: Option<&Conf>,
    arguments: &[String],
    is_running: bool,
) {
    let mut words = arguments.iter().map(String::as_str);
    let verb = words.next().unwrap_or_default();
    if verb == "clone" {
        if let Some(parent) = parent {
            conf.main = match sealed(parent) {
                Some(Sealed::Snapshot(name)) => parent.snapshots.get(&name).cloned(),
                Some(Sealed::Template) | None => Some(parent.main.clone()),
            }
            .unwrap_or_default();
            conf.main.keys.remove("template");
        }
    } else if verb == "resize" || verb != "set" && verb != "create" {
        return;
    }
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let value = words.next().unwrap_or_default();
        match option {
            "delete" if is_running => {
                let pending = conf.pending.get_or_insert_default();
                let waiting = pending.keys.entry("delete".to_owned()).or_default();
                *waiting = format!("{waiting},{value}");
            }
            "delete" => {
                for key in value.split(',') {
                    conf.main.keys.remove(key);
                }
            }
            _ => {
                conf.main.keys.insert(option.to_owned(), value.to_owned());
            }
        }
    }
}

/// The options of a `pct set` or `pct create`, each once.
#[derive(Debug, Default)]
pub(super) struct Options {
    set: BTreeMap<String, String>,
    delete: Vec<String>,
}

impl Options {
    pub(super) fn set(&mut self, option: &str, value: String) {
        self.set.insert(option.to_owned(), value);
    }

    pub(super) fn delete(&mut self, option: String) {
        if !self.delete.contains(&option) {
            self.delete.push(option);
        }
    }

    /// Deleting what is not set is no error, and no change either.
    pub(super) fn set_or_delete(&mut self, option: &str, value: Option<String>, have: &Section) {
        match value {
            Some(value) => self.set(option, value),
            None if have.get(option).is_some() => self.delete(option.to_owned()),
            None => {}
        }
    }

    pub(super) fn arguments(self) -> Vec<String> {
        let set = self.set.into_iter().flat_map(|(option, value)| [format!("--{option}"), value]);
        let delete = (!self.delete.is_empty())
            .then(|| ["--delete".to_owned(), self.delete.join(",")])
            .into_iter()
            .flatten();
        set.chain(delete).collect()
    }
}

pub(super) fn at_boot(boot: &Boot, options: &mut Options, have: &Section) {
    if boot.at_boot != have.is("onboot") {
        options.set("onboot", u8::from(boot.at_boot).to_string());
    }
    let startup = boot::startup(boot);
    let has = boot::startup(&boot::read(have));
    if startup != has || startup.is_none() {
        options.set_or_delete("startup", startup, have);
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

fn stop(vmid: Vmid) -> Act {
    pct(&["shutdown"], vmid, &["--timeout", SHUTDOWN, "--forceStop", "1"])
}

fn pct(verb: &[&str], vmid: Vmid, arguments: &[&str]) -> Act {
    let verb = verb.iter().map(|word| (*word).to_owned());
    let arguments = arguments.iter().map(|word| (*word).to_owned());
    Act::Tool(Kind::Container, verb.chain([vmid.to_string()]).chain(arguments).collect())
}

/// Returns what waiting for health comes to.
pub(super) fn checked(checks: &[phoenix_domain::Check]) -> Vec<Act> {
    let commands: Vec<_> = checks.iter().map(|check| format!("`{}`", check.command)).collect();
    if commands.is_empty() {
        return vec![Act::Wait("until it runs and has its addresses")];
    }
    vec![Act::Inside(format!("check {}", commands.join(", ")))]
}

/// Returns the firewall file of a guest; nothing where it should have none.
pub(super) fn firewall_text(wanted: &Firewall) -> Option<String> {
    (*wanted != Firewall::default()).then(|| firewall::write(wanted))
}

#[cfg(test)]
mod tests;
