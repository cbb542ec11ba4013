//! What is kept about a guest: plain LXC remembers no spec, no parent and no snapshots for clones.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::mem::discriminant;
use std::path::{Path, PathBuf};

use phoenix_domain::{
    Disk, GibiBytes, GuestSpec, Inheritance, Made, NodeName, Property, SnapshotName, SpecDigest,
    Vmid, Volume,
};
use serde::{Deserialize, Serialize};

use crate::{Aside, HostError};

/// What is kept about a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sheet {
    /// The cell it belongs to.
    pub(super) cell: NodeName,
    /// Whether its creation came to its end.
    pub(super) made: Made,
    /// What it was cloned from.
    pub(super) parent: Option<Vmid>,
    /// Whether root inside is nobody outside.
    pub(super) unprivileged: bool,
    /// The root disk.
    pub(super) root_disk: Disk,
    /// What LXC is told, and what only we remember.
    pub(super) properties: Vec<Property>,
    /// What is mounted into it.
    pub(super) volumes: Vec<Volume>,
    /// Its snapshots.
    pub(super) snapshots: BTreeMap<SnapshotName, Frozen>,
    /// What it holds as a template; absent when it is none.
    pub(super) template: Option<SpecDigest>,
    /// Where it was moved, where it was set aside. It is nobody's then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) aside: Option<Moved>,
}

/// Where a guest was moved that was set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moved {
    /// Its new number.
    pub(super) under: Vmid,
    /// Whose number it had, for whom and when that was.
    #[serde(flatten)]
    pub(super) what: Aside,
}

/// What a snapshot holds besides files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Frozen {
    /// What clones find in it; absent where it was not taken for that.
    pub(super) contents: Option<SpecDigest>,
    /// The properties at that moment.
    pub(super) properties: Vec<Property>,
    /// The size of the root disk at that moment.
    pub(super) size: GibiBytes,
}

/// What others are cloned from.
pub(super) enum Bequest<'s> {
    /// The guest as it stands: it is a template.
    Template(&'s Sheet),
    /// One of its snapshots.
    Snapshot(&'s SnapshotName, &'s Frozen),
}

impl Sheet {
    /// Begins the sheet of a guest that is about to be made.
    pub(super) fn begun(cell: &NodeName, want: &GuestSpec, root_disk: Disk) -> Self {
        Self {
            cell: cell.clone(),
            made: Made::Half,
            parent: want.parent(),
            unprivileged: want.container().is_none_or(|container| container.unprivileged),
            root_disk,
            properties: Vec::new(),
            volumes: Vec::new(),
            snapshots: BTreeMap::new(),
            template: None,
            aside: None,
        }
    }

    /// Reads the sheet in a folder; nothing where there is none.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, HostError> {
        let path = path(folder);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(HostError::Unreachable { err }),
        };
        serde_json::from_str(&text).map(Some).map_err(|err| HostError::Unreadable {
            what: path.display().to_string(),
            why: err.to_string(),
        })
    }

    /// Writes the sheet: who reads it sees the old one or the new one, whatever is killed.
    pub(super) fn write(&self, folder: &Path) -> Result<(), HostError> {
        let text = serde_json::to_string_pretty(self).map_err(|err| HostError::Unreadable {
            what: "the sheet of a guest".to_owned(),
            why: err.to_string(),
        })?;
        replace(&path(folder), &text).map_err(|err| HostError::Unreachable { err })
    }

    /// Gives the guest these properties in place of those of the same kind.
    pub(super) fn put(&mut self, properties: &[Property]) {
        for property in properties {
            self.properties.retain(|old| discriminant(old) != discriminant(property));
            self.properties.push(property.clone());
        }
    }

    /// Returns what others are cloned from, if there is something.
    pub(super) fn bequest(&self) -> Option<Bequest<'_>> {
        if self.template.is_some() {
            return Some(Bequest::Template(self));
        }
        let mut made_for_it = self.snapshots.iter().filter(|(_, one)| one.contents.is_some());
        made_for_it.next().map(|(name, frozen)| Bequest::Snapshot(name, frozen))
    }

    /// Returns what a clone of it begins with. Volumes are not copied: each guest has its own.
    pub(super) fn inheritance(&self) -> Option<Inheritance> {
        let (properties, root_disk) = match self.bequest()? {
            Bequest::Template(sheet) => (&sheet.properties, sheet.root_disk.size),
            Bequest::Snapshot(_, frozen) => (&frozen.properties, frozen.size),
        };
        let unprivileged = Some(self.unprivileged);
        Some(Inheritance {
            properties: properties.clone(),
            unprivileged,
            root_disk,
            volumes: Vec::new(),
        })
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("phoenix.json")
}

/// Replaces a file durably.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
