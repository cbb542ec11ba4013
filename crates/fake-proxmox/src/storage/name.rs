//! The names of volumes, which are different on every kind of storage.

use super::{Kind, Storage, Storages};
use crate::die::{Die, Outcome};
use crate::schema::formats;

/// A volume, as its name says.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) storage: Storage,
    /// What follows the colon.
    pub(crate) whole: String,
    /// `images`, `vztmpl`, `snippets`, ...
    pub(crate) content: &'static str,
    pub(crate) name: String,
    pub(crate) owner: Option<u32>,
    /// The name and the owner of the base it is a linked clone of.
    pub(crate) base: Option<(String, u32)>,
    pub(crate) is_base: bool,
    /// `raw` or `subvol`, and for machines `qcow2`.
    pub(crate) format: &'static str,
}

impl Volume {
    /// Reads `storage:name`.
    pub(crate) fn parse(storages: &Storages, id: &str) -> Outcome<Self> {
        let (storage, name) = formats::volume_parts(id)
            .ok_or_else(|| Die::new(format!("unable to parse volume ID '{id}'")))?;
        Self::on(storages.get(storage)?, name)
    }

    /// Reads the name of a volume of a storage.
    pub(crate) fn on(storage: &Storage, name: &str) -> Outcome<Self> {
        match storage.kind {
            Kind::Dir | Kind::Btrfs | Kind::Nfs => in_folder(storage, name),
            Kind::ZfsPool => in_pool(storage, name)
                .ok_or_else(|| Die::new(format!("unable to parse zfs volume name '{name}'"))),
            Kind::LvmThin | Kind::Lvm => in_group(storage, name)
                .ok_or_else(|| Die::new(format!("unable to parse lvm volume name '{name}'"))),
        }
    }

    pub(crate) fn id(&self) -> String {
        format!("{}:{}", self.storage.name, self.whole)
    }

    /// Returns the name the volume gets on its storage under another name of its own.
    pub(crate) fn renamed(&self, name: &str) -> Outcome<Self> {
        let owner = self.owner.unwrap_or(0);
        let whole = match (&self.base, self.storage.kind.has_path()) {
            (Some((base, base_owner)), true) => format!("{base_owner}/{base}/{owner}/{name}"),
            (None, true) => format!("{owner}/{name}"),
            (Some((base, _)), false) => format!("{base}/{name}"),
            (None, false) => name.to_owned(),
        };
        Self::on(&self.storage, &whole)
    }

    /// Returns where the node sees it.
    pub(crate) fn path(&self) -> String {
        let (storage, name) = (&self.storage, &self.name);
        let owner = self.owner.unwrap_or(0);
        let get = |key: &str| storage.get(key).unwrap_or(&storage.name).to_owned();
        match (storage.kind, self.content) {
            (Kind::Btrfs, "images") if self.format == "raw" => {
                let name = name.trim_end_matches(".raw");
                format!("{}/images/{owner}/{name}/disk.raw", storage.path())
            }
            (Kind::Dir | Kind::Btrfs | Kind::Nfs, "images") => {
                format!("{}/images/{owner}/{name}", storage.path())
            }
            (Kind::Dir | Kind::Btrfs | Kind::Nfs, content) => {
                format!("{}/{}/{name}", storage.path(), folder_of(content))
            }
            (Kind::ZfsPool, _) => format!("/{}/{name}", get("pool")),
            (Kind::LvmThin | Kind::Lvm, _) => format!("/dev/{}/{name}", get("vgname")),
        }
    }
}

/// Returns where files of a content are in a storage that is a folder.
pub(crate) fn folder_of(content: &str) -> &str {
    match content {
        "vztmpl" => "template/cache",
        "iso" => "template/iso",
        "backup" => "dump",
        other => other,
    }
}

const PLAIN: [&str; 5] = ["iso", "vztmpl", "backup", "snippets", "import"];

fn in_folder(storage: &Storage, whole: &str) -> Outcome<Volume> {
    let volume = |name: &str, owner: u32, base: Option<(String, u32)>| {
        let (format, is_base) = file_name(name)?;
        Ok(Volume {
            storage: storage.clone(),
            whole: whole.to_owned(),
            content: "images",
            name: name.to_owned(),
            owner: Some(owner),
            base,
            is_base,
            format,
        })
    };
    let parts: Vec<&str> = whole.split('/').collect();
    let number = |part: &str| part.parse::<u32>().ok();
    match parts.as_slice() {
        [base_owner, base, owner, name] => {
            if let (Some(base_owner), Some(owner)) = (number(base_owner), number(owner)) {
                file_name(base)?;
                return volume(name, owner, Some(((*base).to_owned(), base_owner)));
            }
        }
        [owner, name] => {
            if let Some(owner) = number(owner) {
                return volume(name, owner, None);
            }
            if let Some(content) = PLAIN.iter().find(|content| *content == owner) {
                return Ok(Volume {
                    storage: storage.clone(),
                    whole: whole.to_owned(),
                    content,
                    name: (*name).to_owned(),
                    owner: None,
                    base: None,
                    is_base: false,
                    format: "raw",
                });
            }
        }
        _ => {}
    }
    Err(Die::new(format!("unable to parse directory volume name '{whole}'")))
}

/// Returns the format of a file and whether it is a base.
fn file_name(name: &str) -> Outcome<(&'static str, bool)> {
    let formats = ["raw", "qcow2", "vmdk", "subvol"];
    let format = name
        .rsplit_once('.')
        .and_then(|(stem, end)| formats.iter().find(|format| **format == end && !stem.is_empty()));
    let format =
        format.ok_or_else(|| Die::new(format!("unable to parse volume filename '{name}'")))?;
    Ok((format, name.starts_with("base-")))
}

/// Splits `subvol-950-disk-0` into its kind and its owner.
fn owned(name: &str) -> Option<(&str, u32)> {
    let (kind, rest) = name.split_once('-')?;
    let (owner, disk) = rest.split_once('-')?;
    if disk.is_empty() || disk.contains('/') {
        return None;
    }
    Some((kind, owner.parse().ok()?))
}

fn in_pool(storage: &Storage, whole: &str) -> Option<Volume> {
    let (base, name) = match whole.split_once('/') {
        Some((base, name)) => {
            let (kind, owner) = owned(base)?;
            matches!(kind, "base" | "basevol").then_some(())?;
            (Some((base.to_owned(), owner)), name)
        }
        None => (None, whole),
    };
    let (kind, owner) = owned(name)?;
    let (format, is_base) = match kind {
        "base" => ("raw", true),
        "basevol" => ("subvol", true),
        "vm" => ("raw", false),
        "subvol" => ("subvol", false),
        _ => return None,
    };
    Some(Volume {
        storage: storage.clone(),
        whole: whole.to_owned(),
        content: "images",
        name: name.to_owned(),
        owner: Some(owner),
        base,
        is_base,
        format,
    })
}

fn in_group(storage: &Storage, whole: &str) -> Option<Volume> {
    let (kind, owner) = owned(whole)?;
    let is_base = match (kind, storage.kind) {
        ("vm", _) => false,
        ("base", Kind::LvmThin) => true,
        _ => return None,
    };
    Some(Volume {
        storage: storage.clone(),
        whole: whole.to_owned(),
        content: "images",
        name: whole.to_owned(),
        owner: Some(owner),
        base: None,
        is_base,
        format: "raw",
    })
}
