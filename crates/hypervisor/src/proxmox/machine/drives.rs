//! `scsiN`, `virtioN`, `sataN`, `ideN`: the drives of a machine.

use phoenix_domain::{Disk, GibiBytes};

use crate::proxmox::conf::Section;
use crate::proxmox::words::mount::{size, storage_of};
use crate::proxmox::words::pairs;

/// The kinds of drives.
const KINDS: [&str; 4] = ["scsi", "virtio", "sata", "ide"];
/// The drive that machines of ours start from.
pub(super) const ROOT: &str = "scsi0";
/// The drive that tells a machine its name and its network.
pub(super) const SEED: &str = "ide2";

/// Says whether a key is that of a drive.
pub(in crate::proxmox) fn is_key(key: &str) -> bool {
    KINDS.iter().any(|kind| {
        let number = key.strip_prefix(kind).unwrap_or_default();
        !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// Returns the key of the drive a machine starts from, as its config says.
pub(super) fn root_key(section: &Section) -> String {
    let order = section.get("boot").and_then(|boot| pairs(boot, "legacy").remove("order"));
    let is_disk = |key: &&str| is_key(key) && section.get(key).is_some_and(is_disk);
    let first = order.and_then(|order| order.split(';').find(is_disk));
    first.unwrap_or(ROOT).to_owned()
}

/// Returns the root disk; nothing where the machine has none (yet).
pub(super) fn root_disk(section: &Section) -> Option<Disk> {
    let pairs = pairs(section.get(&root_key(section))?, "file");
    let storage = storage_of(pairs.get("file")?)?;
    let size = pairs.get("size").copied().and_then(size).unwrap_or(GibiBytes(0));
    Some(Disk { storage, size })
}

/// Says whether a drive holds data of its own.
fn is_disk(value: &str) -> bool {
    let pairs = pairs(value, "file");
    pairs.get("media") != Some(&"cdrom")
        && pairs.get("file").is_some_and(|file| storage_of(file).is_some())
}

/// Returns the keys of disks that are not ours: nothing of ours says that they may be destroyed.
pub(super) fn others(section: &Section) -> Vec<String> {
    let root = root_key(section);
    let disks = section.keys.iter().filter(|(key, value)| is_key(key) && is_disk(value));
    let unused = section.numbered("unused").into_keys().map(|index| format!("unused{index}"));
    disks.map(|(key, _)| key.clone()).filter(|key| *key != root).chain(unused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::conf::Conf;

    #[test]
    fn the_root_disk_is_what_is_started_from() {
        let read = |text: &str| root_disk(&Conf::read(text).main);
        let of = |storage: &str, size| {
            Some(Disk { storage: storage.parse().unwrap(), size: GibiBytes(size) })
        };
        let drives = "ide2: local:8001/vm-8001-cloudinit.qcow2,media=cdrom\n\
                      scsi0: tank:vm-8001-disk-0,size=3584M\nvirtio0: fast:vm-8001-disk-1,size=20G\n";
        assert_eq!(read(&format!("boot: order=ide2;scsi0\n{drives}")), of("tank", 3));
        assert_eq!(read(&format!("boot: order=virtio0;scsi0\n{drives}")), of("fast", 20));
        assert_eq!(read(drives), of("tank", 3));
        assert_eq!(read("scsi0: none,media=cdrom\n"), None);
        assert_eq!(read("memory: 512\n"), None);
    }

    #[test]
    fn what_others_have_attached_is_none_of_ours() {
        let text = "boot: order=scsi0\nscsi0: tank:vm-1-disk-0,size=8G\nscsi1: tank:vm-1-disk-1\n\
                    ide2: tank:vm-1-cloudinit,media=cdrom\nunused0: tank:vm-1-disk-2\nscsihw: virtio-scsi-single\n";
        assert_eq!(others(&Conf::read(text).main), ["scsi1", "unused0"]);
    }
}
