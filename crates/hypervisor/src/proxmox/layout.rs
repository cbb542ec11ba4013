//! Where a Proxmox node has what.

use std::path::{Path, PathBuf};

use phoenix_domain::{GuestKey, Kind, Vmid};

/// Where a node has what, all below one folder: `/`, but for tests.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Returns where something is that a guest's config names by its path on the host.
    pub(super) fn host(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        match name {
            "lxc-attach" | "umount" | "wget" => self.host("/usr/bin").join(name),
            other => self.host("/usr/sbin").join(other),
        }
    }

    /// Returns the config of a guest of this node.
    pub(super) fn conf(&self, guest: GuestKey) -> PathBuf {
        self.host(&Self::conf_name(guest))
    }

    /// Returns the list of all guests of the cluster, whichever their node.
    pub(super) fn guests(&self) -> PathBuf {
        self.host("/etc/pve/.vmlist")
    }

    pub(super) fn firewall(&self, vmid: Vmid) -> PathBuf {
        self.host(&format!("/etc/pve/firewall/{vmid}.fw"))
    }

    pub(super) fn storages(&self) -> PathBuf {
        self.host("/etc/pve/storage.cfg")
    }

    /// Returns the lock that Proxmox itself holds while it changes a guest.
    pub(super) fn lock(&self, GuestKey { kind, vmid }: GuestKey) -> PathBuf {
        self.host(&match kind {
            Kind::Container => format!("/run/lock/lxc/pve-config-{vmid}.lock"),
            Kind::Machine => format!("/run/lock/qemu-server/lock-{vmid}.conf"),
        })
    }

    /// Returns the file with the number of the process that a machine runs in.
    pub(super) fn process(&self, vmid: Vmid) -> PathBuf {
        self.host(&format!("/run/qemu-server/{vmid}.pid"))
    }

    /// Returns the socket that leads to the agent in a machine.
    pub(super) fn agent(&self, vmid: Vmid) -> PathBuf {
        self.host(&format!("/run/qemu-server/{vmid}.qga"))
    }

    pub(super) fn proc(&self) -> PathBuf {
        self.host("/proc")
    }

    pub(super) fn cgroup(&self, vmid: Vmid) -> PathBuf {
        self.host(&format!("/sys/fs/cgroup/lxc/{vmid}/ns"))
    }

    /// Returns where the root file system of a container is mounted while that is made.
    pub(super) fn rootfs(vmid: Vmid) -> String {
        format!("/var/lib/lxc/{vmid}/rootfs")
    }

    /// Returns the folder of archives of a storage that is a folder itself.
    pub(super) fn archives(&self, storage_path: &str) -> PathBuf {
        self.host(storage_path).join("template/cache")
    }

    /// Returns how the file of a config is called in front of people.
    pub(super) fn conf_name(GuestKey { kind, vmid }: GuestKey) -> String {
        format!("/etc/pve/{}/{vmid}.conf", Self::folder(kind))
    }

    /// Returns what Proxmox calls the folder of the configs of this kind.
    pub(super) fn folder(kind: Kind) -> &'static str {
        match kind {
            Kind::Container => "lxc",
            Kind::Machine => "qemu-server",
        }
    }

    /// Returns how the file of a firewall is called in front of people.
    pub(super) fn firewall_name(vmid: Vmid) -> String {
        format!("/etc/pve/firewall/{vmid}.fw")
    }
}
