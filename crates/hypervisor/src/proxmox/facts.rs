//! What of a node is not well that guests of ours stand on. It is read from files: neither a process
//! of Proxmox is started nor another machine asked.

use std::fs;
use std::io::ErrorKind;

use phoenix_domain::health::Facts;
use phoenix_domain::{GuestKey, Kind, StorageId, Vmid};

use super::Proxmox;
use super::conf::{Conf, Section};
use super::layout::Layout;
use super::look::unreachable;
use super::words::gpu;
use crate::HostError;
use crate::footing::{Footing, is_full};

/// The keys of disks and volumes, without their numbers.
const DISKS: [&str; 5] = ["mp", "scsi", "virtio", "sata", "ide"];

impl Proxmox {
    pub(super) fn find_facts(&self) -> Result<Facts, HostError> {
        // Without its cluster file system a node has no guests, and that says nothing about them.
        fs::metadata(self.layout.guests()).map_err(unreachable)?;
        let mut footing = Footing::default();
        for kind in [Kind::Container, Kind::Machine] {
            self.add_guests(kind, &mut footing)?;
        }
        let mounts = fs::read_to_string(self.layout.proc().join("mounts")).unwrap_or_default();
        let folders = self.folders();
        let is_broken = |storage: &StorageId| {
            let folder = folders.iter().find(|folder| folder.name == storage.as_str());
            let is_gone = folder.is_some_and(|folder| {
                let is_away = folder.is_mounted && !is_mounted(&mounts, &folder.path);
                // Whoever looks into the folder of a machine that is away waits for it.
                is_away || (!folder.is_remote && is_full(&self.layout.host(&folder.path)))
            });
            is_gone || self.was_broken(storage.as_str())
        };
        Ok(footing.facts(&self.layout.host("/sys"), &self.layout.proc(), is_broken))
    }

    fn add_guests(&self, kind: Kind, footing: &mut Footing) -> Result<(), HostError> {
        let folder = self.layout.host(&format!("/etc/pve/{}", Layout::folder(kind)));
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
            Err(err) => return Err(unreachable(err)),
        };
        for entry in entries {
            let name = entry.map_err(unreachable)?.file_name();
            let vmid = name.to_str().and_then(|name| name.strip_suffix(".conf"));
            let Some(vmid) = vmid.and_then(|vmid| vmid.parse::<Vmid>().ok()) else { continue };
            let guest = GuestKey { kind, vmid };
            // It may have gone or moved since the folder was read.
            let Ok(text) = fs::read_to_string(self.layout.conf(guest)) else { continue };
            let conf = Conf::read(&text);
            if self.whose(vmid).is_in(&conf.main) {
                if conf.lock().is_some() {
                    footing.busy.push(guest);
                }
                add(&conf.main, footing);
            }
        }
        footing.busy.sort_unstable();
        Ok(())
    }
}

/// Adds what a guest stands on.
fn add(section: &Section, footing: &mut Footing) {
    let bridges = section.numbered("net").into_values().filter_map(|net| {
        net.split(',').find_map(|part| part.strip_prefix("bridge=")?.parse().ok())
    });
    footing.bridges.extend(bridges);
    let disks = DISKS.iter().flat_map(|disk| section.numbered(disk).into_values());
    let storages = section.get("rootfs").into_iter().chain(disks).filter_map(|volume| {
        let (storage, _) = volume.split_once(':')?;
        storage.parse().ok()
    });
    footing.storages.extend(storages);
    footing.gpus.extend(gpu::named(section));
}

/// Says whether something is mounted at a path, by the table of mounts.
fn is_mounted(mounts: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/').replace(' ', "\\040");
    mounts.lines().any(|line| line.split(' ').nth(1) == Some(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_stands_on_is_read_from_its_config() {
        let mut footing = Footing::default();
        for text in [
            "net0: name=eth0,bridge=vmbr0,ip=dhcp\nrootfs: tank:subvol-950-disk-0,size=8G\n\
             mp0: bulk:subvol-950-disk-1,mp=/data\nmp1: /srv/shared,mp=/shared\n\
             dev0: /dev/nvidia1,mode=0666\ndev1: /dev/dri/card0\n",
            "net0: virtio=BC:24:11:00:00:01,bridge=vmbr1\nscsi0: fast:vm-8001-disk-0,size=8G\n\
             ide2: none,media=cdrom\n",
        ] {
            add(&Conf::read(text).main, &mut footing);
        }

        let bridges: Vec<_> = footing.bridges.iter().map(ToString::to_string).collect();
        let storages: Vec<_> = footing.storages.iter().map(ToString::to_string).collect();

        assert_eq!(bridges, ["vmbr0", "vmbr1"]);
        assert_eq!(storages, ["bulk", "fast", "tank"]);
        assert_eq!(footing.gpus, [1].into());
    }

    #[test]
    fn what_is_mounted_stands_in_the_table() {
        let mounts = "tank /tank zfs rw 0 0\n10.0.0.9:/x /mnt/pve/my\\040nas nfs4 rw 0 0\n";
        assert!(is_mounted(mounts, "/tank/") && is_mounted(mounts, "/mnt/pve/my nas"));
        assert!(!is_mounted(mounts, "/tan") && !is_mounted(mounts, "/mnt/pve/other"));
    }
}
