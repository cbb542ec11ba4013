//! What a change of a machine comes to: the very commands and edits, as data.

use phoenix_domain::{
    Change, Disk, GuestSpec, Kind, Nic, NodeName, Origin, Property, SnapshotName, SpecDigest, Vmid,
};

use super::{drives, nets};
use crate::proxmox::acts::{Act, Edit, Options, Sealed, at_boot, checked, is_whole, sealed};
use crate::proxmox::conf::{Conf, Section};
use crate::proxmox::mark::{self, Whose};

/// How long a machine has to shut down by itself, in seconds.
const SHUTDOWN: &str = "180";

/// What is known when a change is turned into acts.
pub(super) struct Ground<'g> {
    pub(super) cell: &'g NodeName,
    pub(super) want: &'g GuestSpec,
    /// The config of the machine; empty where it is not there yet.
    pub(super) conf: &'g Conf,
    /// The config of what it is cloned from.
    pub(super) parent: Option<&'g Conf>,
    /// What `cicustom` has to be.
    pub(super) cicustom: &'g str,
    /// The image it is made of, as Proxmox imports it.
    pub(super) image: &'g str,
}

impl Ground<'_> {
    fn whose(&self) -> Whose<'_> {
        Whose { cell: self.cell, vmid: self.want.vmid }
    }

    /// Returns what a change comes to.
    pub(super) fn acts(&self, change: &Change) -> Vec<Act> {
        let vmid = self.want.vmid;
        let root = || drives::root_key(&self.conf.settled());
        match change {
            Change::Create { origin, root_disk, properties, .. } => {
                self.create(origin, root_disk, properties)
            }
            Change::RemoveHalfMade => {
                vec![qm(&["unlock"], vmid, &[]), qm(&["destroy"], vmid, &["--purge", "1"])]
            }
            Change::SetProperties { to } => self.set(to),
            // What it mounts by itself it is told by its seed.
            Change::Attach { .. } | Change::Detach { .. } => vec![Act::Seed],
            Change::GrowVolume { .. } => Vec::new(),
            Change::GrowRootDisk { to } => {
                vec![qm(&["resize"], vmid, &[&root(), &format!("{}G", to.0)])]
            }
            Change::Start => vec![qm(&["start"], vmid, &[])],
            Change::Restart => vec![stop(vmid), qm(&["start"], vmid, &[])],
            Change::Stop => vec![stop(vmid)],
            Change::AwaitAgent => vec![Act::Wait("for its agent and for Cloud-Init")],
            Change::InstallFeature { feature } => {
                vec![Act::Inside(format!("install the feature {feature}"))]
            }
            Change::SetUpService { feature } => {
                vec![Act::Inside(format!("set up what {feature} serves"))]
            }
            Change::RunApplicationScript { script } => vec![Act::Inside(format!("run {script}"))],
            Change::AwaitHealthy => checked(&self.want.checks),
            Change::TakeSnapshot { name, contents } => {
                let line = contents.as_ref().map(mark::contents_line);
                let mut arguments = vec![name.as_str()];
                if let Some(line) = &line {
                    arguments.extend(["--description", line]);
                }
                vec![qm(&["snapshot"], vmid, &arguments)]
            }
            Change::RemoveSnapshot { name } => vec![self.remove_snapshot(name)],
            Change::CleanForTemplate => {
                vec![Act::Inside("forget what only one machine may have".to_owned())]
            }
            Change::ConvertToTemplate { contents } => {
                let edit = Edit { contents: Some(contents.clone()), ..Edit::default() };
                vec![Act::Edit(edit), qm(&["template"], vmid, &[])]
            }
            Change::Adopt => {
                let mark = Some(SpecDigest::of(self.want));
                vec![Act::Edit(Edit { mark, ..Edit::default() })]
            }
            Change::Destroy { .. } => {
                // Disks that others have attached stay, as no plan has named them.
                let without = drives::others(&self.conf.main);
                let edit = Edit { without, ..Edit::default() };
                let edit = (edit != Edit::default()).then_some(Act::Edit(edit));
                let destroy =
                    qm(&["destroy"], vmid, &["--purge", "1", "--destroy-unreferenced-disks", "0"]);
                edit.into_iter().chain([destroy, Act::NoSeed]).collect()
            }
        }
    }

    fn create(&self, origin: &Origin, disk: &Disk, properties: &[Property]) -> Vec<Act> {
        let (vmid, want) = (self.want.vmid, self.want);
        let spec = properties.iter().find_map(Property::spec).cloned();
        let spec = spec.unwrap_or_else(|| SpecDigest::of(want));
        let mark = self.whose().line(want.parent(), &spec);
        match origin {
            Origin::Template { .. } | Origin::CloudImage { .. } => {
                let mut options = Options::default();
                options.set("ostype", "l26".to_owned());
                options.set("scsihw", "virtio-scsi-single".to_owned());
                let root = format!("{}:0,import-from={},discard=on", disk.storage, self.image);
                options.set(drives::ROOT, root);
                options.set(drives::SEED, format!("{}:cloudinit", disk.storage));
                options.set("boot", format!("order={}", drives::ROOT));
                // Cloud images say on the serial line what they do.
                options.set("serial0", "socket".to_owned());
                options.set("vga", "serial0".to_owned());
                options.set("agent", "enabled=1,fstrim_cloned_disks=1".to_owned());
                options.set("tags", mark::TAG.to_owned());
                options.set("description", mark);
                let (mut acts, edit) =
                    self.options_of(properties, &mut options, &Section::default());
                options.set("cicustom", self.cicustom.to_owned());
                let mut arguments = vec!["create".to_owned(), vmid.to_string()];
                arguments.extend(options.arguments());
                // Proxmox reads the seed when it makes the drive of it.
                acts.retain(|act| *act != Act::Seed);
                acts.insert(0, Act::Seed);
                acts.insert(1, Act::Tool(Kind::Machine, arguments));
                let edit = Edit { mark: None, ..edit };
                acts.extend((edit != Edit::default()).then_some(Act::Edit(edit)));
                acts
            }
            Origin::Clone { parent } => {
                let mut arguments = vec!["clone".to_owned(), parent.to_string(), vmid.to_string()];
                let mut add = |option: &str, value: String| {
                    arguments.extend([format!("--{option}"), value]);
                };
                add("name", want.name.to_string());
                add("description", mark);
                match self.parent.map(|parent| (parent, sealed(parent))) {
                    Some((parent, Some(Sealed::Template))) => {
                        // A linked clone is where its parent is.
                        let there = drives::root_disk(&parent.main).map(|disk| disk.storage);
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
                vec![Act::Tool(Kind::Machine, arguments)]
            }
        }
    }

    /// Returns one command for everything that can be said to `qm`, and one edit for the rest.
    fn set(&self, to: &[Property]) -> Vec<Act> {
        let have = self.conf.settled();
        let mut options = Options::default();
        let (mut acts, edit) = self.options_of(to, &mut options, &have);
        if acts.contains(&Act::Seed) {
            if have.get("cicustom") != Some(self.cicustom) {
                options.set("cicustom", self.cicustom.to_owned());
            }
            if !have.keys.contains_key(drives::SEED) {
                let storage = &self.want.root_disk.storage;
                options.set(drives::SEED, format!("{storage}:cloudinit"));
            }
        }
        let arguments = options.arguments();
        if !arguments.is_empty() {
            let set = ["set".to_owned(), self.want.vmid.to_string()];
            acts.push(Act::Tool(Kind::Machine, set.into_iter().chain(arguments).collect()));
        }
        acts.extend((edit != Edit::default()).then_some(Act::Edit(edit)));
        acts
    }

    /// Puts properties into options of `qm`, where they differ from what a section has, and returns
    /// what cannot be put there.
    fn options_of(
        &self,
        to: &[Property],
        options: &mut Options,
        have: &Section,
    ) -> (Vec<Act>, Edit) {
        let (mut acts, mut edit) = (Vec::new(), Edit::default());
        for property in to {
            match property {
                Property::Name(name) => {
                    acts.push(Act::Seed);
                    options.set("name", name.to_string());
                }
                Property::Cores(cores) => {
                    options.set("cores", cores.unwrap_or(1).to_string());
                    if have.get("sockets").is_some() {
                        options.delete("sockets".to_owned());
                    }
                }
                Property::Memory(memory) => options.set("memory", memory.0.to_string()),
                Property::Nics(_) => {
                    acts.push(Act::Seed);
                    self.network(options, have);
                }
                Property::Boot(boot) => at_boot(boot, options, have),
                Property::Firewall(firewall) => {
                    acts.push(Act::Firewall(firewall.clone()));
                    self.network(options, have);
                }
                Property::Spec(spec) => edit.mark.clone_from(spec),
                Property::User(_) => acts.push(Act::Seed),
                // Containers alone have these.
                Property::Swap(_)
                | Property::Gpus(_)
                | Property::Options(_)
                | Property::Confinement { .. }
                | Property::RawLines(_)
                | Property::IdMaps(_) => {}
            }
        }
        // One seed, whatever it is for.
        let has_seed = acts.contains(&Act::Seed);
        acts.retain(|act| *act != Act::Seed);
        if has_seed {
            acts.insert(0, Act::Seed);
        }
        (acts, edit)
    }

    /// Sets the interfaces that differ, as setting one takes its cable out for a moment.
    fn network(&self, options: &mut Options, have: &Section) {
        let has = have.numbered("net");
        let nics: Vec<Nic> = nets::addressed(self.want, self.cell, have);
        for (nth, nic) in nics.iter().enumerate() {
            let Ok(index) = u32::try_from(nth) else { continue };
            let value = nets::write(nic, self.want.firewall.enabled);
            if has.get(&index).is_none_or(|has| !nets::is_same(has, &value)) {
                options.set(&format!("net{index}"), value);
            }
        }
        let wanted = u32::try_from(nics.len()).unwrap_or(u32::MAX);
        for index in has.keys().filter(|index| **index >= wanted) {
            options.delete(format!("net{index}"));
        }
    }

    fn remove_snapshot(&self, name: &SnapshotName) -> Act {
        // One that was never finished may have nothing on the storage to be removed.
        let snapshot = self.conf.snapshots.get(name.as_str());
        let mut arguments = vec![name.as_str()];
        if snapshot.is_some_and(|section| !is_whole(section)) {
            arguments.extend(["--force", "1"]);
        }
        qm(&["delsnapshot"], self.want.vmid, &arguments)
    }
}

fn stop(vmid: Vmid) -> Act {
    qm(&["shutdown"], vmid, &["--timeout", SHUTDOWN, "--forceStop", "1"])
}

fn qm(verb: &[&str], vmid: Vmid, arguments: &[&str]) -> Act {
    let verb = verb.iter().map(|word| (*word).to_owned());
    let arguments = arguments.iter().map(|word| (*word).to_owned());
    Act::Tool(Kind::Machine, verb.chain([vmid.to_string()]).chain(arguments).collect())
}
