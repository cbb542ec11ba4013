//! Where the double keeps volumes: a folder each, and its size beside it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Storage, Volume};
use crate::clock;
use crate::die::{Die, Outcome};
use crate::node::write_whole;
use crate::process;
use crate::run::Run;

/// What is known of a volume besides its content.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Label {
    /// What follows the colon in its name.
    pub(crate) whole: String,
    /// How large it may become, in bytes.
    pub(crate) size: u64,
    /// When it was made, in seconds since 1970.
    pub(crate) ctime: u64,
    /// Its snapshots, the oldest first.
    #[serde(default)]
    pub(crate) snapshots: Vec<String>,
}

impl Run {
    fn shelf(&self, storage: &Storage) -> PathBuf {
        self.node.own("storage").join(&storage.name)
    }

    /// Returns the folder that is the content of a volume, or of a snapshot of it.
    pub(crate) fn folder(&self, volume: &Volume, snapshot: Option<&str>) -> PathBuf {
        let top = self.shelf(&volume.storage);
        if let Some(snapshot) = snapshot {
            return top.join(".snapshots").join(format!("{}@{snapshot}", volume.name));
        }
        if !volume.storage.kind.has_path() {
            return top.join(&volume.name);
        }
        if volume.content != "images" {
            return top.join(super::name::folder_of(volume.content)).join(&volume.name);
        }
        top.join("images").join(volume.owner.unwrap_or(0).to_string()).join(&volume.name)
    }

    fn label_path(&self, volume: &Volume) -> PathBuf {
        self.shelf(&volume.storage).join(".labels").join(format!("{}.json", volume.name))
    }

    pub(crate) fn label(&self, volume: &Volume) -> Outcome<Option<Label>> {
        match fs::read(self.label_path(volume)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    /// Returns the label of a volume that must be there.
    pub(crate) fn known(&self, volume: &Volume) -> Outcome<Label> {
        let missing = || Die::new(format!("volume '{}' does not exist", volume.id())).errno(2);
        self.label(volume)?.ok_or_else(missing)
    }

    pub(crate) fn relabel(&self, volume: &Volume, label: &Label) -> Outcome<()> {
        let path = self.label_path(volume);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        write_whole(&path, &serde_json::to_vec(label)?)
    }

    /// Puts an empty volume on the shelf. Two who want the same name: one gets it.
    pub(crate) fn put(&self, volume: &Volume, size: u64) -> Outcome<bool> {
        let folder = self.folder(volume, None);
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::create_dir(&folder) {
            Err(err) if err.kind() == ErrorKind::AlreadyExists => return Ok(false),
            made => made?,
        }
        let ctime = clock::wall() / 1000;
        let label = Label { whole: volume.whole.clone(), size, ctime, snapshots: Vec::new() };
        self.relabel(volume, &label)?;
        Ok(true)
    }

    /// Takes a volume and its snapshots away.
    pub(crate) fn take_away(&self, volume: &Volume) -> Outcome<()> {
        let label = self.label(volume)?;
        for snapshot in label.iter().flat_map(|label| &label.snapshots) {
            self.drop_snapshot_files(volume, snapshot)?;
        }
        let folder = self.folder(volume, None);
        remove(&folder)?;
        fs::remove_file(self.label_path(volume)).ok();
        if volume.storage.kind.has_path() {
            // The folder of a guest goes with its last volume.
            folder.parent().map(fs::remove_dir);
        }
        Ok(())
    }

    pub(crate) fn drop_snapshot_files(&self, volume: &Volume, snapshot: &str) -> Outcome<()> {
        remove(&self.folder(volume, Some(snapshot)))
    }

    /// Gives a volume another name.
    pub(crate) fn rename(&self, old: &Volume, new: &Volume) -> Outcome<()> {
        let mut label = self.known(old)?;
        fs::rename(self.folder(old, None), self.folder(new, None))?;
        fs::remove_file(self.label_path(old))?;
        label.whole.clone_from(&new.whole);
        self.relabel(new, &label)
    }

    /// Copies one tree of files into another folder.
    pub(crate) fn copy(&self, from: &std::path::Path, to: &std::path::Path) -> Outcome<()> {
        fs::create_dir_all(to)?;
        let mut command = process::program("cp");
        command.args(["-a", "--reflink=auto"]).arg(from.join(".")).arg(to);
        process::run(self.signals.as_ref(), command, "cp")
    }

    /// Returns the volumes of a storage, in the order of their names.
    pub(crate) fn volumes(&self, storage: &Storage) -> Outcome<Vec<(Volume, Label)>> {
        let Ok(labels) = fs::read_dir(self.shelf(storage).join(".labels")) else {
            return Ok(Vec::new());
        };
        let paths: BTreeSet<PathBuf> = labels.flatten().map(|entry| entry.path()).collect();
        let mut volumes = Vec::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
            // It may go while we look.
            let Ok(bytes) = fs::read(path) else { continue };
            let label: Label = serde_json::from_slice(&bytes)?;
            if let Ok(volume) = Volume::on(storage, &label.whole) {
                volumes.push((volume, label));
            }
        }
        volumes.sort_by_key(|(volume, _)| volume.id().to_lowercase());
        Ok(volumes)
    }

    /// Returns how much fits on a storage and how much is promised, in bytes.
    pub(crate) fn room(&self, storage: &Storage) -> Outcome<(u64, u64)> {
        let setting = self.settings.storages.iter().find(|known| known.name == storage.name);
        let total = setting.map_or(1000, |setting| setting.gib) << 30;
        let used = self.volumes(storage)?.iter().map(|(_, label)| label.size).sum();
        Ok((total, used))
    }
}

fn remove(folder: &std::path::Path) -> Outcome<()> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
        removed => Ok(removed?),
    }
}
