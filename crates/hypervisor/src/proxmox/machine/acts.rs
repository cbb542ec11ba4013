//! What a change of a machine comes to: the very commands and edits, as data.

use phoenix_domain::{Change, Disk, Nic, Origin, Property};

use super::{drives, nets};
use crate::proxmox::acts::{Act, Common, Edit, Options};
use crate::proxmox::conf::{Conf, Section};
use crate::proxmox::mark;

/// What is known when a change is turned into acts.
pub(super) struct Ground<'g> {
    pub(super) common: Common<'g>,
    /// What `cicustom` has to be.
    pub(super) cicustom: &'g str,
    /// The image it is made of, as Proxmox imports it.
    pub(super) image: &'g str,
}

impl Ground<'_> {
    /// Returns what a change comes to.
    pub(super) fn acts(&self, change: &Change) -> Vec<Act> {
        let root = || drives::root_key(&self.common.conf.settled());
        match change {
            Change::Create { origin, root_disk, properties, .. } => {
                self.create(origin, root_disk, properties)
            }
            Change::SetProperties { to } => self.set(to),
            // What it mounts by itself it is told by its seed.
            Change::Attach { .. } | Change::Detach { .. } => vec![Act::Seed],
            Change::GrowVolume { .. } => Vec::new(),
            Change::GrowRootDisk { to } => {
                vec![self.common.tool("resize", &[&root(), &format!("{}G", to.0)])]
            }
            Change::AwaitAgent => vec![Act::Wait("for its agent and for Cloud-Init")],
            Change::CleanForTemplate => {
                vec![Act::Inside("forget what only one machine may have".to_owned())]
            }
            Change::Destroy { .. } => {
                // Disks that others have attached stay, as no plan has named them.
                let without = drives::others(&self.common.conf.main);
                let edit = Edit { without, ..Edit::default() };
                let unreferenced = ["--purge", "1", "--destroy-unreferenced-disks", "0"];
                let destroy = self.common.tool("destroy", &unreferenced);
                edit.act().into_iter().chain([destroy, Act::NoSeed]).collect()
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
            | Change::Adopt
            // Those are never set aside.
            | Change::SetAside { .. } => self.common.acts(change),
        }
    }

    fn create(&self, origin: &Origin, disk: &Disk, properties: &[Property]) -> Vec<Act> {
        let mark = self.common.mark(properties);
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
                // Proxmox reads the seed when it makes the drive of it.
                acts.retain(|act| *act != Act::Seed);
                acts.insert(0, Act::Seed);
                acts.insert(1, self.common.tool_with("create", options.arguments()));
                let edit = Edit { mark: None, ..edit };
                acts.extend(edit.act());
                acts
            }
            Origin::Clone { parent } => {
                let there = |conf: &Conf| drives::root_disk(&conf.main).map(|disk| disk.storage);
                vec![self.common.clone_of(*parent, "name", mark, disk, there)]
            }
        }
    }

    /// Returns one command for everything that can be said to `qm`, and one edit for the rest.
    fn set(&self, to: &[Property]) -> Vec<Act> {
        let have = self.common.conf.settled();
        let mut options = Options::default();
        let (mut acts, edit) = self.options_of(to, &mut options, &have);
        if acts.contains(&Act::Seed) {
            if have.get("cicustom") != Some(self.cicustom) {
                options.set("cicustom", self.cicustom.to_owned());
            }
            if !have.keys.contains_key(drives::SEED) {
                let storage = &self.common.want.root_disk.storage;
                options.set(drives::SEED, format!("{storage}:cloudinit"));
            }
        }
        acts.extend(self.common.set(options));
        acts.extend(edit.act());
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
                Property::Boot(boot) => options.at_boot(boot, have),
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
        let nics: Vec<Nic> = nets::addressed(self.common.want, self.common.cell, have);
        for (nth, nic) in nics.iter().enumerate() {
            let Ok(index) = u32::try_from(nth) else { continue };
            let value = nets::write(nic, self.common.want.firewall.enabled);
            if has.get(&index).is_none_or(|has| !nets::is_same(has, &value)) {
                options.set(&format!("net{index}"), value);
            }
        }
        let wanted = u32::try_from(nics.len()).unwrap_or(u32::MAX);
        for index in has.keys().filter(|index| **index >= wanted) {
            options.delete(format!("net{index}"));
        }
    }
}
