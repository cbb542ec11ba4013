//! Makes, copies and removes volumes, with the words the tools of each storage print.

use std::fmt::Write as _;

use super::features::{self, Feature};
use super::shelf::Label;
use super::{Kind, Storage, Storages, Volume};
use crate::die::{Die, Outcome};
use crate::invent;
use crate::run::Run;
use crate::say;

const MOST: u32 = 1024;
const FOUND: &str = "unable to create base volume - found snaphost"; // typos: on purpose

impl Run {
    /// Makes a volume for a container and a file system in it; zero is a folder without a limit.
    pub(crate) fn allocate(
        &self,
        storages: &Storages,
        storage: &str,
        vmid: u32,
        kib: u64,
    ) -> Outcome<Volume> {
        let storage = storages.get(storage)?;
        if !storage.content.contains("rootdir") {
            let name = &storage.name;
            return Err(Die::new(format!(
                "content type 'rootdir' is not available or configured on storage '{name}'"
            )));
        }
        let storage = storages.enabled(&storage.name)?;
        let is_folder = storage.kind == Kind::ZfsPool || (storage.kind.has_path() && kib == 0);
        let format = if is_folder { "subvol" } else { "raw" };
        let volume = self.allocate_image(storage, vmid, format, None, kib)?;
        if !is_folder {
            say::out(&made_file_system(kib));
        }
        Ok(volume)
    }

    /// Makes an empty volume, under the next free name unless one is given.
    pub(crate) fn allocate_image(
        &self,
        storage: &Storage,
        vmid: u32,
        format: &str,
        name: Option<&str>,
        kib: u64,
    ) -> Outcome<Volume> {
        self.check()?;
        self.check_room(storage, vmid, kib)?;
        let whole = |name: &str| {
            if storage.kind.has_path() { format!("{vmid}/{name}") } else { name.to_owned() }
        };
        if let Some(name) = name {
            let volume = Volume::on(storage, &whole(name))?;
            if !self.put(&volume, kib * 1024)? {
                return Err(Die::new(format!("disk image '{}' already exists", volume.path())));
            }
            say_made(&volume, kib);
            return Ok(volume);
        }
        for number in 0..MOST {
            let name = disk_name(storage, vmid, format, number);
            let volume = Volume::on(storage, &whole(&name))?;
            if !self.is_number_taken(&volume, number)? && self.put(&volume, kib * 1024)? {
                say_made(&volume, kib);
                return Ok(volume);
            }
        }
        Err(Die::new(format!(
            "unable to allocate an image name for VM {vmid} in storage '{}'",
            storage.name
        )))
    }

    /// Whether a base or a clone has the number, under another name.
    fn is_number_taken(&self, volume: &Volume, number: u32) -> Outcome<bool> {
        let owner = volume.owner.unwrap_or(0);
        let end = format!("-{owner}-disk-{number}");
        let stem = |name: &str| name.split_once('.').map_or(name, |(stem, _)| stem).to_owned();
        let taken = self.volumes(&volume.storage)?;
        Ok(taken.iter().any(|(other, _)| stem(&other.name).ends_with(&end)))
    }

    fn check_room(&self, storage: &Storage, vmid: u32, kib: u64) -> Outcome<()> {
        let (total, used) = self.room(storage)?;
        if used + kib * 1024 <= total {
            return Ok(());
        }
        let get = |key: &str| storage.get(key).unwrap_or(&storage.name);
        let words = match storage.kind {
            // The file is sparse: it is what is written into it that finds no room.
            Kind::Dir | Kind::Btrfs | Kind::Nfs => {
                format!("command 'mkfs.ext4' failed: No space left on device ({})", storage.path())
            }
            Kind::ZfsPool => format!(
                "zfs error: cannot create '{}/subvol-{vmid}-disk-0': out of space",
                get("pool")
            ),
            Kind::LvmThin => format!(
                "lvcreate '{0}/vm-{vmid}-disk-0' error:   Cannot create new thin volume, free \
                 space in thin pool {0}/{1} reached threshold.",
                get("vgname"),
                get("thinpool")
            ),
            Kind::Lvm => {
                let extents = |bytes: u64| bytes / (4 << 20);
                format!(
                    "lvcreate '{0}/vm-{vmid}-disk-0' error:   Volume group \"{0}\" has \
                     insufficient free space ({1} extents): {2} required.",
                    get("vgname"),
                    extents(total.saturating_sub(used)),
                    extents(kib * 1024)
                )
            }
        };
        Err(Die::new(words))
    }

    /// Removes a volume, unless linked clones stand on it.
    pub(crate) fn free(&self, storages: &Storages, id: &str) -> Outcome<()> {
        let volume = Volume::parse(storages, id)?;
        storages.enabled(&volume.storage.name)?;
        if volume.is_base && self.has_clones(&volume)? {
            let name = &volume.whole;
            return Err(Die::new(format!("base volume '{name}' is still in use by linked clones")));
        }
        let is_file = volume.storage.kind != Kind::Btrfs && volume.storage.kind.has_path();
        if is_file && volume.format != "subvol" && self.label(&volume)?.is_none() {
            say::err(&format!("disk image '{}' does not exist\n", volume.path()));
            return Ok(());
        }
        self.take_away(&volume)
    }

    /// Whether linked clones stand on a volume.
    pub(crate) fn is_base_in_use(&self, storages: &Storages, id: &str) -> Outcome<bool> {
        self.has_clones(&Volume::parse(storages, id)?)
    }

    fn has_clones(&self, base: &Volume) -> Outcome<bool> {
        let name = Some((base.name.clone(), base.owner.unwrap_or(0)));
        Ok(self.volumes(&base.storage)?.iter().any(|(volume, _)| volume.base == name))
    }

    /// Removes what was made for something that failed.
    pub(crate) fn free_all(&self, storages: &Storages, ids: &[String]) {
        for id in ids {
            if let Err(die) = self.free(storages, id) {
                say::err(&die.text());
            }
        }
    }

    /// Removes a volume of a container, unless it belongs to another one.
    pub(crate) fn free_own(&self, storages: &Storages, vmid: u32, id: &str) -> Outcome<()> {
        if id.starts_with('/') {
            return Ok(());
        }
        let volume = Volume::parse(storages, id)?;
        if volume.owner == Some(vmid) {
            return self.free(storages, id);
        }
        say::err(&format!("ignore deletion of '{id}', CT {vmid} isn't the owner!\n"));
        Ok(())
    }

    /// Makes a volume the base of linked clones; returns its new name.
    pub(crate) fn make_base(&self, storages: &Storages, id: &str) -> Outcome<String> {
        let volume = Volume::parse(storages, id)?;
        if volume.is_base {
            return Err(Die::new("create_base not possible with base image"));
        }
        let label = self.known(&volume)?;
        if let Some(snapshot) =
            label.snapshots.first().filter(|_| volume.storage.kind == Kind::LvmThin)
        {
            let name = &volume.name;
            return Err(Die::new(format!("{FOUND} 'snap_{name}_{snapshot}'")));
        }
        let name = match volume.name.strip_prefix("subvol-") {
            Some(rest) if volume.storage.kind == Kind::ZfsPool => format!("basevol-{rest}"),
            _ => volume.name.replacen("vm-", "base-", 1),
        };
        let base = volume.renamed(&name)?;
        self.rename(&volume, &base)?;
        Ok(base.id())
    }

    /// Makes a linked clone of a volume; returns its name.
    pub(crate) fn clone_linked(
        &self,
        storages: &Storages,
        id: &str,
        vmid: u32,
        snapshot: Option<&str>,
    ) -> Outcome<String> {
        let source = Volume::parse(storages, id)?;
        let label = self.known(&source)?;
        if !features::has(&source, Feature::Clone, snapshot.is_some()) {
            return Err(Die::new("clone_image only works on base images"));
        }
        let storage = &source.storage;
        for number in 0..MOST {
            let name = disk_name(storage, vmid, source.format, number);
            let whole = match storage.kind {
                Kind::ZfsPool => format!("{}/{name}", source.name),
                Kind::Dir | Kind::Btrfs | Kind::Nfs => format!("{vmid}/{name}"),
                Kind::LvmThin | Kind::Lvm => name.clone(),
            };
            let volume = Volume::on(storage, &whole)?;
            if self.is_number_taken(&volume, number)? || !self.put(&volume, label.size)? {
                continue;
            }
            say_cloned(&volume);
            self.take_time("linked-clone")?;
            self.copy(&self.folder(&source, snapshot), &self.folder(&volume, None))?;
            return Ok(volume.id());
        }
        Err(Die::new(format!("unable to allocate an image name for VM {vmid}")))
    }

    /// Takes a snapshot of a volume.
    pub(crate) fn snapshot(&self, storages: &Storages, id: &str, name: &str) -> Outcome<()> {
        let volume = Volume::parse(storages, id)?;
        let mut label = self.known(&volume)?;
        self.copy(&self.folder(&volume, None), &self.folder(&volume, Some(name)))?;
        label.snapshots.retain(|known| known != name);
        label.snapshots.push(name.to_owned());
        self.relabel(&volume, &label)
    }

    pub(crate) fn drop_snapshot(&self, storages: &Storages, id: &str, name: &str) -> Outcome<()> {
        let volume = Volume::parse(storages, id)?;
        let mut label = self.known(&volume)?;
        self.drop_snapshot_files(&volume, name)?;
        label.snapshots.retain(|known| known != name);
        self.relabel(&volume, &label)
    }

    /// Refuses what ZFS cannot: to go back behind a later snapshot.
    pub(crate) fn check_rollback(&self, storages: &Storages, id: &str, name: &str) -> Outcome<()> {
        let volume = Volume::parse(storages, id)?;
        let label = self.known(&volume)?;
        if volume.storage.kind != Kind::ZfsPool {
            return Ok(());
        }
        match label.snapshots.iter().position(|known| known == name) {
            None => {
                Err(Die::new(format!("can't rollback, snapshot '{name}' does not exist on '{id}'")))
            }
            Some(at) if at + 1 < label.snapshots.len() => Err(Die::new(format!(
                "can't rollback, '{name}' is not most recent snapshot on '{id}'"
            ))),
            Some(_) => Ok(()),
        }
    }

    /// Puts the content of a snapshot in the place of a volume's.
    pub(crate) fn roll_back(&self, storages: &Storages, id: &str, name: &str) -> Outcome<()> {
        let volume = Volume::parse(storages, id)?;
        let (now, then) = (self.folder(&volume, None), self.folder(&volume, Some(name)));
        let beside = now.with_file_name(format!("{}.tmp.{}", volume.name, std::process::id()));
        self.copy(&then, &beside)?;
        std::fs::remove_dir_all(&now)?;
        std::fs::rename(&beside, &now)?;
        Ok(())
    }

    /// Makes a volume larger.
    pub(crate) fn resize(&self, volume: &Volume, bytes: u64) -> Outcome<()> {
        let mut label = self.known(volume)?;
        if volume.storage.kind == Kind::Btrfs && volume.format == "subvol" {
            return Err(Die::new(
                "cannot resize subvolume - btrfs quotas are currently not supported",
            ));
        }
        if volume.storage.kind.has_path() && volume.format == "subvol" {
            return Err(Die::new("can't resize this image format"));
        }
        let (total, used) = self.room(&volume.storage)?;
        if used - label.size + bytes > total {
            let grown = Volume { ..volume.clone() };
            return self.check_room(&grown.storage, grown.owner.unwrap_or(0), total / 1024);
        }
        label.size = bytes;
        self.relabel(volume, &label)?;
        match volume.storage.kind {
            Kind::Dir | Kind::Btrfs | Kind::Nfs => say::out("Image resized.\n"),
            Kind::LvmThin | Kind::Lvm => {
                let gib = |bytes: u64| format!("{}.00 GiB", bytes >> 30);
                say::out(&format!(
                    "  Size of logical volume {}/{} changed to {}.\n  Logical volume {1} \
                     successfully resized.\n",
                    volume.storage.get("vgname").unwrap_or("pve"),
                    volume.name,
                    gib(bytes)
                ));
            }
            Kind::ZfsPool => {}
        }
        Ok(())
    }

    /// Returns the time of a volume and its size, for lists.
    pub(crate) fn sizes(label: &Label) -> (u64, u64) {
        (label.size, label.ctime)
    }
}

fn disk_name(storage: &Storage, vmid: u32, format: &str, number: u32) -> String {
    let prefix = if format == "subvol" { "subvol" } else { "vm" };
    let end = if storage.kind.has_path() { format!(".{format}") } else { String::new() };
    format!("{prefix}-{vmid}-disk-{number}{end}")
}

/// Returns what `mkfs.ext4` says, as far as Proxmox lets it through.
fn made_file_system(kib: u64) -> String {
    let blocks = kib / 4;
    let mut backups: Vec<u64> = vec![1];
    for base in [3_u64, 5, 7] {
        let mut group = base;
        while group * 32768 < blocks {
            backups.push(group);
            group *= base;
        }
    }
    backups.sort_unstable();
    let backups: Vec<String> = backups.iter().map(|group| (group * 32768).to_string()).collect();
    let mut text =
        format!("Creating filesystem with {blocks} 4k blocks and {} inodes\n", blocks / 4);
    let uuid = invent::uuid();
    write!(text, "Filesystem UUID: {uuid}\nSuperblock backups stored on blocks: ").ok();
    for (at, backup) in backups.iter().enumerate() {
        text.push_str(if at % 7 == 0 { "\n\t" } else { " " });
        text.push_str(backup);
        text.push_str(if at + 1 == backups.len() { "\n" } else { "," });
    }
    text
}

/// Returns what `rsync --stats` says.
pub(crate) fn copied(files: u64, bytes: u64) -> String {
    let sent = bytes + 600 * files.max(1);
    format!(
        "\nNumber of files: {files} (reg: {files})\nNumber of created files: {files} (reg: \
         {files})\nNumber of deleted files: 0\nNumber of regular files transferred: {files}\nTotal \
         file size: {bytes} bytes\nTotal transferred file size: {bytes} bytes\nLiteral data: \
         {bytes} bytes\nMatched data: 0 bytes\nFile list size: 0\nFile list generation time: 0.001 \
         seconds\nFile list transfer time: 0.000 seconds\nTotal bytes sent: {sent}\nTotal bytes \
         received: {files}\n\nsent {sent} bytes  received {files} bytes  {sent}.00 bytes/sec\ntotal \
         size is {bytes}  speedup is 1.00\n"
    )
}

fn say_made(volume: &Volume, kib: u64) {
    let path = volume.path();
    match (volume.storage.kind, volume.format) {
        (Kind::Dir | Kind::Nfs, "raw") => say::out(&format!(
            "Formatting '{path}', fmt=raw size={} preallocation=off\n",
            kib * 1024
        )),
        (_, "qcow2") => say::out(&crate::qm::formatting(&path, kib * 1024)),
        (Kind::LvmThin | Kind::Lvm, _) => {
            say::out(&format!("  Logical volume \"{}\" created.\n", volume.name));
        }
        (Kind::Dir | Kind::Nfs | Kind::Btrfs | Kind::ZfsPool, _) => {}
    }
}

fn say_cloned(volume: &Volume) {
    if volume.storage.kind == Kind::LvmThin {
        say::out(&format!("  Logical volume \"{}\" created.\n", volume.name));
    }
}
