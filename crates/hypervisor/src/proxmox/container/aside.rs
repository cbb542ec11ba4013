//! Sets a container aside: its config gets another number, and its root disk stays as it is called.
//!
//! `pct` has no way to that: it moves no root disk, and a clone is a copy of all of it. But a rename of
//! the config is one write of the cluster's file system, by which Proxmox itself brings guests to other
//! nodes. So the config says first that the guest is set aside, from which moment on there is none with
//! its old number, and is renamed then; whoever comes next does that where somebody was killed before it.

use std::fs;

use phoenix_domain::{GuestKey, GuestSpec, Kind, Vmid};

use crate::proxmox::conf::Conf;
use crate::proxmox::layout::Layout;
use crate::proxmox::look::unreachable;
use crate::proxmox::words::mount::mounts;
use crate::proxmox::{Proxmox, edit};
use crate::{Aside, HostError, Lock, LockError, aside};

impl Proxmox {
    /// Returns what a container remembers of having been set aside.
    pub(in crate::proxmox) fn aside(
        &self,
        of: Vmid,
        there: Vmid,
    ) -> Result<Option<Aside>, HostError> {
        let conf = self.conf(key(there))?;
        Ok(conf.and_then(|conf| self.whose(of).aside(&conf.main)))
    }

    /// Returns the numbers of the containers that are on this node and stand beside this one's.
    pub(in crate::proxmox) fn beside(&self, of: Vmid) -> Result<Vec<Vmid>, HostError> {
        let folder = self.layout.host("/etc/pve/lxc");
        let mut beside = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreachable)? {
            let name = entry.map_err(unreachable)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".conf"));
            let vmid = number.and_then(|number| number.parse::<Vmid>().ok());
            beside.extend(vmid.filter(|there| of.has_beside(*there)));
        }
        Ok(beside)
    }

    /// Gives a container that says that it was set aside a free number, if it has its old one still.
    pub(in crate::proxmox) async fn renumber(&self, vmid: Vmid) -> Result<(), HostError> {
        if self.aside(vmid, vmid)?.is_none() {
            return Ok(());
        }
        let old = key(vmid);
        let _held = edit::take(&self.layout, old).await?;
        self.check_still(vmid)?;
        for there in vmid.beside() {
            // As Proxmox itself does: whoever makes a guest holds the lock of its number, and looks.
            let path = self.layout.lock(key(there));
            let _free = match Lock::try_take(&path) {
                Ok(lock) => lock,
                Err(LockError::Held { .. }) => continue,
                Err(LockError::Unusable { err, .. }) => return Err(unreachable(err)),
            };
            if self.is_taken(there)? {
                continue;
            }
            let (from, to) = (self.layout.conf(old), self.layout.conf(key(there)));
            return fs::rename(from, to).map_err(|err| HostError::Failed {
                what: format!("renaming {} to {there}.conf", Layout::conf_name(old)),
                why: err.to_string(),
                output: String::new(),
            });
        }
        Err(aside::nowhere(vmid))
    }

    /// Says what would be lost, or be two guests' at once, if a container were set aside.
    pub(in crate::proxmox) fn check_aside(&self, want: &GuestSpec) -> Result<(), HostError> {
        let vmid = want.vmid;
        let impossible =
            |why: String| Err(HostError::Impossible { what: format!("setting {vmid} aside"), why });
        let Some(conf) = self.conf(want.into())? else { return Ok(()) };
        let mut free = vmid.beside().map(|there| self.is_taken(there));
        if !free.any(|is_taken| matches!(is_taken, Ok(false))) {
            return Err(aside::nowhere(vmid));
        }
        if let Some(snapshot) = holding_volumes(&conf) {
            return impossible(format!(
                "its snapshot {snapshot} holds volumes that the next guest gets; remove it with `pct delsnapshot {vmid} {snapshot}`"
            ));
        }
        let waits = conf.pending.iter().flat_map(|pending| &pending.keys);
        let mut waits = waits.flat_map(|(key, value)| [key, value]);
        if waits.any(|text| text.contains("mp") || text.contains("unused")) {
            return impossible(format!(
                "a change of its mounts waits for a restart; `phoenix restart {vmid}` makes it"
            ));
        }
        let resources = self.layout.host("/etc/pve/ha/resources.cfg");
        let resources = fs::read_to_string(resources).unwrap_or_default();
        if resources.lines().any(|line| line.trim_end() == format!("ct: {vmid}")) {
            return impossible(format!(
                "Proxmox's HA keeps it where it is; `ha-manager remove ct:{vmid}` ends that"
            ));
        }
        Ok(())
    }

    /// Says that a container runs that is to be set aside, whoever has started it.
    pub(super) fn check_still(&self, vmid: Vmid) -> Result<(), HostError> {
        if !self.is_running(vmid)? {
            return Ok(());
        }
        Err(HostError::Failed {
            what: format!("setting {vmid} aside"),
            why: format!("it runs; `pct stop {vmid}` lets it go on"),
            output: String::new(),
        })
    }

    fn is_taken(&self, vmid: Vmid) -> Result<bool, HostError> {
        Ok(self.layout.conf(key(vmid)).exists() || self.in_cluster(vmid)?.is_some())
    }
}

fn key(vmid: Vmid) -> GuestKey {
    GuestKey { vmid, kind: Kind::Container }
}

/// Returns a snapshot that holds volumes besides the root disk.
fn holding_volumes(conf: &Conf) -> Option<&str> {
    let holds = |section| mounts(section).iter().any(|mount| !mount.is_bound());
    let found = conf.snapshots.iter().find(|(_, section)| holds(section));
    found.map(|(name, _)| name.as_str())
}
