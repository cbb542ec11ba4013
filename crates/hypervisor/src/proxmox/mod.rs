//! A Proxmox VE node: containers by `pct` (`container`), virtual machines by `qm` (`machine`).
//!
//! Reading starts no process: a `pct` costs a second before it does anything, and what it would say
//! stands in files (`look`, `kernel`, `conf`). What a change comes to is data (`acts`, spelled by
//! `words`), run by `tool` and `edit`, and inside of a guest by `inside`. What only the driver
//! can know is in `notes`: what it was about when it was killed, and which volumes are whose.

mod acts;
mod conf;
mod container;
mod edit;
mod facts;
mod inventory;
#[cfg(any(test, feature = "laws"))]
pub mod laws;
mod layout;
mod look;
mod machine;
mod made;
mod mark;
mod notes;
mod profiles;
mod serve;
mod tool;
mod words;

use std::fs;
use std::path::PathBuf;

use phoenix_domain::health::Facts;
use phoenix_domain::{
    Change, Facets, FileName, Firewall, Foreseen, GuestSpec, Kind, NodeName, Property, Seen, Vmid,
};

use self::acts::{Act, firewall_text};
use self::conf::Conf;
use self::inventory::Storages;
use self::layout::Layout;
use self::look::{container, unreachable};
use self::made::Turns;
use self::mark::Whose;
use self::notes::Notes;
use crate::library::Library;
use crate::{Depth, Hand, HostError, Hypervisor, Inspected, Inventory, Tested, directory};

/// Where a node is and what its driver needs.
#[derive(Clone, Debug)]
pub struct Node {
    /// What the cluster calls it.
    pub name: NodeName,
    /// The cell its guests are marked with.
    pub cell: NodeName,
    /// The folder below which the node has everything: `/`.
    pub root: PathBuf,
    /// Where notes are kept that survive a reboot.
    pub state_dir: PathBuf,
    /// Where notes and locks are kept that go with one.
    pub run_dir: PathBuf,
    /// What is brought into guests.
    pub library: Library,
}

/// The driver of a Proxmox VE node.
#[derive(Debug)]
pub struct Proxmox {
    layout: Layout,
    name: NodeName,
    cell: NodeName,
    notes: Notes,
    run_dir: PathBuf,
    library: Library,
    /// Where cloud images are kept.
    images: PathBuf,
    storages: Storages,
    turns: Turns,
}

impl Proxmox {
    /// Opens a node.
    pub fn open(node: &Node) -> Result<Self, HostError> {
        let layout = Layout::new(&node.root);
        check_node(&layout, &node.name)?;
        let notes = Notes::open(&node.state_dir.join("proxmox"), &node.run_dir.join("proxmox"));
        Ok(Self {
            layout,
            name: node.name.clone(),
            cell: node.cell.clone(),
            notes: notes.map_err(unreachable)?,
            run_dir: node.run_dir.clone(),
            library: node.library.clone(),
            images: node.state_dir.join("images"),
            storages: Storages::default(),
            turns: Turns::default(),
        })
    }

    /// Does what a change comes to, one act after the other.
    async fn do_all(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        acts: &[Act],
        hand: &Hand,
    ) -> Result<(), HostError> {
        for act in acts {
            match act {
                Act::Tool(kind, arguments) => {
                    tool::of(*kind, &self.layout, arguments, hand).await?;
                }
                Act::Edit(edit) => {
                    edit::edit(&self.layout, want.into(), self.whose(want.vmid), edit).await?;
                }
                Act::Renumber => self.renumber(want.vmid).await?,
                Act::Firewall(firewall) => self.put_firewall(want, firewall)?,
                Act::Profile(name) => self.load_profile(name, hand).await?,
                Act::Directory { path, owner, group } => {
                    let is_mapped = container(want)?.unprivileged;
                    directory::make(&self.layout.host("/"), path, *owner, *group, is_mapped)?;
                }
                Act::Seed => self.put_seed(want, &conf.settled()).await?,
                Act::NoSeed => self.forget_seed(want.vmid)?,
                // Said for people; what is run inside, and what is waited for, has its own way.
                Act::Inside(_) | Act::Wait(_) => {}
            }
        }
        Ok(())
    }

    fn whose(&self, vmid: Vmid) -> Whose<'_> {
        Whose { cell: &self.cell, vmid }
    }

    fn put_firewall(&self, want: &GuestSpec, firewall: &Firewall) -> Result<(), HostError> {
        let path = self.layout.firewall(want.vmid);
        let put = || match firewall_text(firewall) {
            Some(text) => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                edit::replace(&path, &text)
            }
            None => match fs::remove_file(&path) {
                Err(err) if err.kind() != std::io::ErrorKind::NotFound => Err(err),
                Ok(()) | Err(_) => Ok(()),
            },
        };
        put().map_err(|err| HostError::Failed {
            what: format!("writing {}", Layout::firewall_name(want.vmid)),
            why: err.to_string(),
            output: String::new(),
        })
    }

    /// Says that a guest is to be connected to what is not there. Proxmox itself says so only when it
    /// starts the guest.
    fn check_bridges(&self, want: &GuestSpec) -> Result<(), HostError> {
        let interfaces = self.layout.host("/sys/class/net");
        for (nth, nic) in want.nics.iter().enumerate() {
            if interfaces.join(nic.bridge.as_str()).exists() {
                continue;
            }
            let names = fs::read_dir(&interfaces).into_iter().flatten().flatten();
            let bridges = names.filter(|entry| entry.path().join("bridge").exists());
            let mut bridges: Vec<_> =
                bridges.map(|entry| entry.file_name().display().to_string()).collect();
            bridges.sort_unstable();
            let has = match bridges.as_slice() {
                [] => "none".to_owned(),
                some => some.join(", "),
            };
            return Err(HostError::Impossible {
                what: format!("connecting net{nth} of {} to {}", want.vmid, nic.bridge),
                why: format!("the node has no bridge or VNet of that name; it has {has}"),
            });
        }
        Ok(())
    }

    /// Says what a change needs and the host has not; what it can fetch by itself is not missing.
    fn check_change(&self, want: &GuestSpec, change: &Change) -> Result<(), HostError> {
        match change {
            Change::Create { origin, .. } if want.kind() == Kind::Machine => {
                self.check_machine(want, origin)
            }
            Change::Create { origin, .. } => self.check_container(want, origin),
            Change::SetProperties { to } => {
                if to.iter().any(|property| matches!(property, Property::Nics(_))) {
                    self.check_bridges(want)?;
                }
                match want.kind() {
                    Kind::Container => self.check_id_maps(want),
                    Kind::Machine => Ok(()),
                }
            }
            Change::SetAside { .. } => self.check_aside(want),
            Change::RemoveHalfMade
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
            | Change::Adopt
            | Change::Destroy { .. } => Ok(()),
        }
    }
}

/// Says that this is no node, or not the one that was meant: its guests would be somebody else's.
fn check_node(layout: &Layout, name: &NodeName) -> Result<(), HostError> {
    let own = layout.host("/etc/pve/lxc");
    let impossible =
        |why: String| HostError::Impossible { what: "working on this host".to_owned(), why };
    let leads_to = fs::canonicalize(&own).map_err(|err| {
        impossible(format!(
            "{}: {err}; is it a Proxmox VE node, and is pve-cluster running?",
            own.display()
        ))
    })?;
    let its = leads_to.parent().and_then(std::path::Path::file_name).unwrap_or_default();
    if its == name.as_str() {
        return Ok(());
    }
    let its = its.display();
    Err(impossible(format!("it is the node {its}, not {name}; start the worker with --node {its}")))
}

impl Hypervisor for Proxmox {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        let mut secrets = want.secrets.clone();
        secrets.extend(machine::password(want));
        let secrets = self.library.glimpse(want, &secrets, facets).await;
        match want.kind() {
            Kind::Container => self.seen(want, facets, &secrets),
            Kind::Machine => self.machine_seen(want, facets, &secrets).await,
        }
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        match want.kind() {
            Kind::Container => self.apply_to_container(want, change, hand).await,
            Kind::Machine => self.apply_to_machine(want, change, hand).await,
        }
    }

    fn commands(&self, want: &GuestSpec, ahead: &[Foreseen]) -> Vec<Vec<String>> {
        match want.kind() {
            Kind::Container => self.commands_for_container(want, ahead),
            Kind::Machine => self.commands_for_machine(want, ahead),
        }
    }

    async fn obstacle<'a>(
        &self,
        want: &GuestSpec,
        ahead: &'a [Foreseen],
    ) -> Option<(&'a Foreseen, HostError)> {
        for foreseen in ahead {
            let change = &foreseen.change;
            let mut found = self.check_change(want, change);
            if found.is_ok() && matches!(change, Change::Create { .. }) && want.machine().is_some()
            {
                found = self.check_seed(want).await;
            }
            if found.is_ok() {
                found = self.library.has_all(&self.layout.proc(), want, change).await;
            }
            if let Err(err) = found {
                return Some((foreseen, err));
            }
        }
        None
    }

    async fn test(
        &self,
        want: &GuestSpec,
        test: &FileName,
        hand: &Hand,
    ) -> Result<Tested, HostError> {
        match want.kind() {
            Kind::Container => self.room(want).test(test, hand).await,
            Kind::Machine => self.machine_room(want).test(test, hand).await,
        }
    }

    async fn inspect(
        &self,
        want: &GuestSpec,
        depth: Depth,
        hand: &Hand,
    ) -> Result<Inspected, HostError> {
        match want.kind() {
            Kind::Container => self.room(want).inspect(depth, hand).await,
            Kind::Machine => self.machine_room(want).inspect(depth, hand).await,
        }
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        self.find_facts()
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        self.take_stock().await
    }
}
