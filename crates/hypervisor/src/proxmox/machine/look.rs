//! Looks at a machine: its config, its process, and, through its agent, what was done in it.

use std::fs;
use std::io::ErrorKind;

use phoenix_domain::{
    Facets, GibiBytes, GpuSet, GuestKey, GuestSpec, Hostname, Inheritance, Inside, Made, MebiBytes,
    Nic, Owner, Property, Run, Seen, SeenGuest, SeenParent, SnapshotName, SpecDigest, User, Vmid,
};
use serde_json::Value;

use super::seeds::Told;
use super::{drives, nets};
use crate::HostError;
use crate::agent::Agent;
use crate::inside::{Looking, Receipts};
use crate::kernel::{self, Init};
use crate::proxmox::acts::snapshot_contents;
use crate::proxmox::conf::{Conf, Section};
use crate::proxmox::look::{bequest, unreachable};
use crate::proxmox::notes::Task;
use crate::proxmox::words::{boot, firewall};
use crate::proxmox::{Proxmox, mark};
use crate::vault::Opened;

/// What Proxmox gives a machine that says nothing about memory, in MiB.
const DEFAULT_MEMORY: u64 = 512;

impl Proxmox {
    pub(in crate::proxmox) async fn machine_seen(
        &self,
        want: &GuestSpec,
        facets: Facets,
        secrets: &Opened,
    ) -> Result<Seen, HostError> {
        let key = GuestKey::from(want);
        let conf = self.conf(key)?;
        let guest = match &conf {
            Some(conf) => Some(self.machine(want, conf, facets, secrets).await?),
            None => self.elsewhere(want)?,
        };
        let parent = want.parent().map(|vmid| self.conf(GuestKey { vmid, ..key }));
        let parent = parent.transpose()?.flatten();
        let bequest = parent.as_ref().zip(want.parent()).and_then(|(parent, vmid)| {
            bequest(parent, self.whose(vmid)).map(|section| self.bequeathed(section, want))
        });
        let inheritance = bequest.transpose()?;
        let parent = if inheritance.is_some() { SeenParent::Ready } else { SeenParent::NotReady };
        Ok(Seen { guest, parent, inheritance, ..Seen::default() })
    }

    async fn machine(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        facets: Facets,
        secrets: &Opened,
    ) -> Result<SeenGuest, HostError> {
        let vmid = want.vmid;
        let settled = conf.settled();
        let disk = drives::root_disk(&settled);
        let is_half = matches!(conf.lock(), Some("create" | "clone")) || disk.is_none();
        let is_ours = self.whose(vmid).is_in(&settled)
            || (is_half && self.notes.begun(Task::Making, vmid)?.is_some());
        let process = if is_half { None } else { self.process(vmid) };
        let boot = process.as_ref().map(Init::boot);
        let is_stale = conf.has_pending()
            || boot.as_ref().map(|boot| self.notes.is_stale(vmid, boot)).transpose()? == Some(true);
        let agent = self.agent(vmid);
        let mut addresses = Vec::new();
        let mut inside = None;
        if process.is_some() && facets == Facets::Inside {
            let is_healthy = match &boot {
                Some(boot) => self.notes.is_healthy(vmid, boot, &want.service())?,
                None => false,
            };
            inside = Some(self.machine_inside(want, &agent, secrets, is_healthy).await?);
            // One that does not answer has none that anybody could know.
            addresses = agent.addresses().await.unwrap_or_default();
        }
        let told = self.told(vmid, &settled);
        let snapshots = conf.snapshots.iter().filter_map(|(name, section)| {
            name.parse::<SnapshotName>().ok().map(|name| (name, snapshot_contents(section)))
        });
        Ok(SeenGuest {
            owner: if is_ours { Owner::Phoenix } else { Owner::Somebody },
            made: if is_half { Made::Half } else { Made::Whole },
            run: match (&process, is_stale) {
                (None, _) => Run::Stopped,
                (Some(_), false) => Run::Running,
                (Some(_), true) => Run::RunningStale,
            },
            is_clean: self.notes.is_clean(vmid, boot.as_ref())?,
            freezes_volumes: true,
            boot,
            addresses,
            properties: self.machine_properties(&settled, want, told.as_ref(), secrets)?,
            unprivileged: None,
            root_disk: disk.unwrap_or_else(|| want.root_disk.clone()),
            volumes: told.as_ref().map(Told::volumes).unwrap_or_default(),
            snapshots: snapshots.collect(),
            // It is called one before its disks have their new names.
            template: (settled.is("template") && self.notes.begun(Task::Sealing, vmid)?.is_none())
                .then(|| mark::contents(&settled).unwrap_or_else(SpecDigest::none)),
            parent: self.whose(vmid).parent(&settled),
            is_protected: settled.is("protection"),
            is_rigid: true,
            inside,
        })
    }

    /// Returns the process a machine runs in. Its number may be another's by now.
    pub(super) fn process(&self, vmid: Vmid) -> Option<Init> {
        let pid = fs::read_to_string(self.layout.process(vmid)).ok()?.trim().parse().ok()?;
        let line = fs::read(self.layout.proc().join(format!("{pid}/cmdline"))).ok()?;
        let own = vmid.to_string();
        let mut words = line.split(|byte| *byte == 0).skip_while(|word| *word != b"-id");
        let is_its = words.nth(1) == Some(own.as_bytes());
        if is_its { kernel::process(&self.layout.proc(), pid) } else { None }
    }

    /// Returns the agent of a machine.
    pub(super) fn agent(&self, vmid: Vmid) -> Agent {
        Agent::at(self.layout.agent(vmid))
    }

    async fn machine_inside(
        &self,
        want: &GuestSpec,
        agent: &Agent,
        secrets: &Opened,
        is_healthy: bool,
    ) -> Result<Inside, HostError> {
        let (receipts, agent_answers) = match Receipts::of_machine(agent).await {
            Ok((receipts, is_up)) => (receipts, is_up),
            // It is waited for, and then says why.
            Err(err) => {
                tracing::debug!(vmid = %want.vmid, %err, "the agent tells nothing");
                (Receipts::default(), false)
            }
        };
        let (proc, library) = (&*self.layout.proc(), &self.library);
        let looking = Looking { proc, want, library, secrets, is_healthy };
        Ok(Inside { agent_answers, ..looking.look(&receipts)? })
    }

    /// Returns what a section and the seed say, in the words of what is wanted.
    fn machine_properties(
        &self,
        section: &Section,
        want: &GuestSpec,
        told: Option<&Told>,
        secrets: &Opened,
    ) -> Result<Vec<Property>, HostError> {
        let number = |key| section.get(key).and_then(|number| number.parse::<u32>().ok());
        let memory =
            section.get("memory").map(|text| text.strip_prefix("current=").unwrap_or(text));
        let memory = memory.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_MEMORY);
        let cores = number("cores").unwrap_or(1) * number("sockets").unwrap_or(1);
        let mut wall = match fs::read_to_string(self.layout.firewall(want.vmid)) {
            Ok(text) => firewall::read(&text),
            Err(err) if err.kind() == ErrorKind::NotFound => firewall::read(""),
            Err(err) => return Err(unreachable(err)),
        };
        if !nets::is_guarded_alike(section, want.firewall.enabled) {
            wall.enabled = !want.firewall.enabled;
        }
        let nothing = Value::Null;
        let network = told.map_or(&nothing, |told| &told.network);
        let nics: Vec<Nic> = nets::read(section, want, &self.cell, network);
        let name = section.get("name").map_or_else(|| format!("VM{}", want.vmid), str::to_owned);
        let mut properties = vec![
            // One is what a machine has that says nothing.
            Property::Cores((want.cores.is_some() || cores != 1).then_some(cores)),
            Property::Memory(MebiBytes(memory)),
            Property::Nics(nics),
            Property::Boot(boot::read(section)),
            Property::Gpus(GpuSet::default()),
            Property::Firewall(wall),
            Property::User(told.map_or_else(|| Some(somebody()), |told| told.user(want, secrets))),
            Property::Spec(self.whose(want.vmid).spec(section)),
        ];
        // Where it is told another one, it goes by that.
        let is_told = told.is_none_or(|told| told.is_named(want));
        properties.extend(name.parse::<Hostname>().ok().filter(|_| is_told).map(Property::Name));
        Ok(properties)
    }

    fn bequeathed(&self, section: &Section, want: &GuestSpec) -> Result<Inheritance, HostError> {
        Ok(Inheritance {
            // A clone is told nothing of ours until it is told its own.
            properties: self.machine_properties(section, want, None, &Opened::default())?,
            unprivileged: None,
            root_disk: drives::root_disk(section).map_or(GibiBytes(0), |disk| disk.size),
            volumes: Vec::new(),
        })
    }
}

/// Returns the user of a machine that is not told anything of ours: nobody asks for that one, so it
/// is told something.
fn somebody() -> User {
    User { name: "(whoever its image has)".into(), password_hash: None, ssh_key: None }
}
