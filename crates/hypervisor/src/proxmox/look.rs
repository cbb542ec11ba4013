//! Looks at a container: reads what Proxmox and the kernel keep in files, and starts nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;

use phoenix_domain::{
    AppArmor, Body, Container, Disk, Facets, GibiBytes, GuestKey, GuestSpec, Hostname, Inheritance,
    Kind, Made, MebiBytes, Owner, Property, Run, Seen, SeenGuest, SeenParent, SnapshotName,
    SpecDigest, Vmid, Volume,
};
use serde::Deserialize;

use super::acts::{Sealed, sealed, snapshot_contents};
use super::conf::{Conf, Section};
use super::container::DEFAULT_SWAP;
use super::layout::Layout;
use super::mark::Whose;
use super::notes::{Kept, Task};
use super::words::mount::{mounts, root_disk, volumes};
use super::words::raw::Raw;
use super::words::{boot, firewall, gpu, net, options};
use super::{Proxmox, mark};
use crate::directory::FIRST_ID;
use crate::inside::Looking;
use crate::kernel::{self, Init};
use crate::vault::Opened;
use crate::{HostError, aside};

/// What Proxmox gives a container that says nothing about memory, in MiB.
const DEFAULT_MEMORY: u64 = 512;

/// The list of all guests of a cluster.
#[derive(Deserialize)]
struct Guests {
    ids: BTreeMap<String, Listed>,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    node: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Proxmox {
    pub(super) fn seen(
        &self,
        want: &GuestSpec,
        facets: Facets,
        secrets: &Opened,
    ) -> Result<Seen, HostError> {
        let container = container(want)?;
        let (key, whose) = (GuestKey::from(want), self.whose(want.vmid));
        let conf = self.conf(key)?;
        // One that was set aside by somebody who was killed has no right to its number any more.
        let is_aside = conf.as_ref().is_some_and(|conf| whose.aside(&conf.main).is_some());
        let conf = conf.filter(|_| !is_aside);
        let guest = match &conf {
            Some(conf) => Some(self.guest(want, container, conf, (facets, secrets))?),
            None if is_aside => None,
            None => self.elsewhere(want)?,
        };
        let parent = want.parent().map(|vmid| self.conf(GuestKey { vmid, ..key }));
        let parent = parent.transpose()?.flatten();
        let bequest = parent.as_ref().zip(want.parent()).and_then(|(parent, vmid)| {
            bequest(parent, self.whose(vmid))
                .map(|section| self.inheritance(section, want, container))
        });
        let inheritance = bequest.transpose()?;
        let parent = if inheritance.is_some() { SeenParent::Ready } else { SeenParent::NotReady };
        let mounted: Vec<_> = conf.iter().flat_map(|conf| mounts(&conf.settled())).collect();
        let kept = self.notes.kept(want.vmid)?.into_iter().filter(|kept| {
            // What nobody remembers the place of is nobody's to find again.
            kept.place.place() != "/" && mounted.iter().all(|mount| mount.source != kept.id)
        });
        let kept = kept.map(Kept::into).collect();
        let aside =
            aside::found(want.vmid, self.beside(want.vmid)?, |there| self.aside(want.vmid, there))?;
        Ok(Seen { guest, parent, inheritance, kept, aside })
    }

    /// Reads the config of a guest; nothing where there is none on this node.
    pub(super) fn conf(&self, guest: GuestKey) -> Result<Option<Conf>, HostError> {
        match fs::read_to_string(self.layout.conf(guest)) {
            Ok(text) => Ok(Some(Conf::read(&text))),
            Err(err) if err.kind() == ErrorKind::NotFound => {
                // It may be the node that is not there.
                let folder = format!("/etc/pve/{}", Layout::folder(guest.kind));
                fs::metadata(self.layout.host(&folder)).map_err(unreachable)?;
                Ok(None)
            }
            Err(err) => Err(unreachable(err)),
        }
    }

    /// Returns what the list of all guests of the cluster says of a number.
    pub(super) fn in_cluster(&self, vmid: Vmid) -> Result<Option<Listed>, HostError> {
        let path = self.layout.guests();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(unreachable(err)),
        };
        let mut guests: Guests = serde_json::from_str(&text).map_err(|err| {
            HostError::Unreadable { what: path.display().to_string(), why: err.to_string() }
        })?;
        Ok(guests.ids.remove(&vmid.to_string()))
    }

    /// Finds a guest with this number that is of the other kind, or lives on another node.
    pub(super) fn elsewhere(&self, want: &GuestSpec) -> Result<Option<SeenGuest>, HostError> {
        let Some(listed) = self.in_cluster(want.vmid)? else { return Ok(None) };
        let own = match want.kind() {
            Kind::Container => "lxc",
            Kind::Machine => "qemu",
        };
        // What is in the folder that was just looked into is known better from there.
        if listed.node == self.name.as_str() && listed.kind == own {
            return Ok(None);
        }
        tracing::debug!(vmid = %want.vmid, node = listed.node, "the number is taken");
        Ok(Some(SeenGuest {
            owner: Owner::Somebody,
            made: Made::Whole,
            run: Run::Stopped,
            boot: None,
            addresses: Vec::new(),
            properties: Vec::new(),
            unprivileged: None,
            root_disk: want.root_disk.clone(),
            volumes: Vec::new(),
            snapshots: BTreeMap::new(),
            template: None,
            parent: None,
            is_protected: false,
            is_rigid: false,
            is_clean: false,
            freezes_volumes: true,
            inside: None,
        }))
    }

    fn guest(
        &self,
        want: &GuestSpec,
        container: &Container,
        conf: &Conf,
        (facets, secrets): (Facets, &Opened),
    ) -> Result<SeenGuest, HostError> {
        let vmid = want.vmid;
        let settled = conf.settled();
        let disk = root_disk(&settled);
        let is_half = conf.lock() == Some("create") || disk.is_none();
        let is_ours = self.whose(vmid).is_in(&settled)
            || (is_half && self.notes.begun(Task::Making, vmid)?.is_some());
        let is_running = !is_half && self.is_running(vmid)?;
        let init = if is_running { self.init(vmid) } else { None };
        let boot = init.as_ref().map(Init::boot);
        let is_stale = conf.has_pending()
            || boot.as_ref().map(|boot| self.notes.is_stale(vmid, boot)).transpose()? == Some(true);
        let is_stale = is_stale || init.as_ref().is_some_and(|init| self.is_unlike(&settled, init));
        let inside = match (facets, &init) {
            (Facets::Inside, Some(init)) => {
                let is_healthy = self.notes.is_healthy(vmid, &init.boot(), &want.service())?;
                let (proc, library) = (&*self.layout.proc(), &self.library);
                Looking { proc, want, library, secrets, is_healthy }.enter(init)?
            }
            (Facets::Inside, None) | (Facets::Config, _) => None,
        };
        let snapshots = conf.snapshots.iter().filter_map(|(name, section)| {
            name.parse::<SnapshotName>().ok().map(|name| (name, snapshot_contents(section)))
        });
        Ok(SeenGuest {
            owner: if is_ours { Owner::Phoenix } else { Owner::Somebody },
            made: if is_half { Made::Half } else { Made::Whole },
            run: match (is_running, is_stale) {
                (false, _) => Run::Stopped,
                (true, false) => Run::Running,
                (true, true) => Run::RunningStale,
            },
            addresses: init
                .map(|init| kernel::addresses(&self.layout.proc(), &init))
                .unwrap_or_default(),
            boot,
            properties: self.properties(&settled, want, container, vmid)?,
            unprivileged: Some(settled.is("unprivileged")),
            root_disk: disk.unwrap_or_else(|| want.root_disk.clone()),
            volumes: self.volumes(&settled, want)?,
            snapshots: snapshots.collect(),
            template: settled
                .is("template")
                .then(|| mark::contents(&settled).unwrap_or_else(SpecDigest::none)),
            parent: self.whose(vmid).parent(&settled),
            is_protected: settled.is("protection"),
            is_rigid: false,
            is_clean: false,
            freezes_volumes: true,
            inside,
        })
    }

    /// Says whether a container runs under another AppArmor profile than its config names.
    fn is_unlike(&self, section: &Section, init: &Init) -> bool {
        let named = match Raw::read(&section.raw, None).profile {
            AppArmor::Named(name) => name.as_str().to_owned(),
            AppArmor::Unconfined => "unconfined".to_owned(),
            // Proxmox makes that one up for each guest.
            AppArmor::Generated => return false,
        };
        kernel::profile(&self.layout.proc(), init).is_some_and(|runs| runs != named)
    }

    /// Returns what a section says, in the words of what is wanted.
    fn properties(
        &self,
        section: &Section,
        want: &GuestSpec,
        container: &Container,
        vmid: Vmid,
    ) -> Result<Vec<Property>, HostError> {
        let number = |key| section.get(key).and_then(|number| number.parse::<u64>().ok());
        let swap = number("swap").unwrap_or(DEFAULT_SWAP);
        let is_default_swap = container.swap.is_none() && swap == DEFAULT_SWAP;
        let raw = Raw::read(&section.raw, Some(container));
        let name = section.get("hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned);
        let cores = number("cores").and_then(|cores| u32::try_from(cores).ok());
        let mut wall = match fs::read_to_string(self.layout.firewall(vmid)) {
            Ok(text) => firewall::read(&text),
            Err(err) if err.kind() == ErrorKind::NotFound => firewall::read(""),
            Err(err) => return Err(unreachable(err)),
        };
        if !net::is_guarded_alike(section, want.firewall.enabled) {
            wall.enabled = !want.firewall.enabled;
        }
        let mut properties = vec![
            Property::Cores(cores),
            Property::Memory(MebiBytes(number("memory").unwrap_or(DEFAULT_MEMORY))),
            Property::Swap((!is_default_swap).then_some(MebiBytes(swap))),
            Property::Nics(net::read(section, want)),
            Property::Boot(boot::read(section)),
            Property::Gpus(gpu::read(section)),
            Property::Firewall(wall),
            Property::Options(options::read(section.get("features").unwrap_or_default())),
            Property::Confinement { profile: raw.profile, nesting: raw.nesting },
            Property::RawLines(raw.lines),
            Property::IdMaps(raw.id_maps),
            Property::Spec(self.whose(vmid).spec(section)),
        ];
        properties.extend(name.parse::<Hostname>().ok().map(Property::Name));
        Ok(properties)
    }

    fn inheritance(
        &self,
        section: &Section,
        want: &GuestSpec,
        container: &Container,
    ) -> Result<Inheritance, HostError> {
        Ok(Inheritance {
            properties: self.properties(section, want, container, want.vmid)?,
            unprivileged: Some(section.is("unprivileged")),
            root_disk: root_disk(section).map_or(GibiBytes(0), |Disk { size, .. }| size),
            volumes: self.volumes(section, want)?,
        })
    }

    fn volumes(&self, section: &Section, want: &GuestSpec) -> Result<Vec<Volume>, HostError> {
        let first = if section.is("unprivileged") { FIRST_ID } else { 0 };
        let labels = self.notes.labels(want.vmid)?;
        Ok(volumes(section, &want.volumes, &labels, |path| {
            let Ok(metadata) = fs::metadata(self.layout.host(path)) else { return (None, None) };
            (metadata.uid().checked_sub(first), metadata.gid().checked_sub(first))
        }))
    }
}

/// Returns the section a clone is made of.
pub(super) fn bequest<'p>(parent: &'p Conf, whose: Whose) -> Option<&'p Section> {
    if !whose.is_in(&parent.main) || parent.lock() == Some("create") {
        return None;
    }
    match sealed(parent)? {
        Sealed::Template => Some(&parent.main),
        Sealed::Snapshot(name) => parent.snapshots.get(&name),
    }
}

/// Returns the container's own part of a spec.
pub(super) fn container(want: &GuestSpec) -> Result<&Container, HostError> {
    match &want.body {
        Body::Container(container) => Ok(container),
        Body::Machine(_) => Err(HostError::Impossible {
            what: format!("working on the virtual machine {}", want.vmid),
            why: "it is asked for as a container".to_owned(),
        }),
    }
}

pub(super) fn unreachable(err: io::Error) -> HostError {
    HostError::Unreachable { err }
}
