//! Reads `storage.cfg`.

use std::collections::BTreeSet;
use std::fs;

use crate::die::{Die, Outcome};
use crate::run::Run;
use crate::schema::{Values, formats};

/// What a storage is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Dir,
    Btrfs,
    Nfs,
    ZfsPool,
    LvmThin,
    Lvm,
}

/// A storage.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    values: Values,
    pub(crate) content: BTreeSet<String>,
}

/// All storages, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Storages {
    all: Vec<Storage>,
    node: String,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "dir" => Self::Dir,
            "btrfs" => Self::Btrfs,
            "nfs" => Self::Nfs,
            "zfspool" => Self::ZfsPool,
            "lvmthin" => Self::LvmThin,
            "lvm" => Self::Lvm,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::Btrfs => "btrfs",
            Self::Nfs => "nfs",
            Self::ZfsPool => "zfspool",
            Self::LvmThin => "lvmthin",
            Self::Lvm => "lvm",
        }
    }

    /// Whether volumes are files in a folder.
    pub(crate) fn has_path(self) -> bool {
        match self {
            Self::Dir | Self::Btrfs | Self::Nfs => true,
            Self::ZfsPool | Self::LvmThin | Self::Lvm => false,
        }
    }
}

impl Storage {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Returns where the node sees it.
    pub(crate) fn path(&self) -> String {
        self.get("path").map_or_else(|| format!("/mnt/pve/{}", self.name), str::to_owned)
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.kind == Kind::Nfs || self.get("shared") == Some("1")
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.values.contains_key("disable") && self.get("disable") != Some("0")
    }

    fn is_on(&self, node: &str) -> bool {
        let nodes = self.get("nodes").map(formats::split_list);
        nodes.is_none_or(|nodes| nodes.contains(&node))
    }
}

impl Storages {
    pub(crate) fn read(run: &Run) -> Outcome<Self> {
        let text = match fs::read_to_string(run.node.at("/etc/pve/storage.cfg")) {
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        Ok(Self { all: parse(&text), node: run.settings.node.clone() })
    }

    pub(crate) fn all(&self) -> &[Storage] {
        &self.all
    }

    pub(crate) fn get(&self, name: &str) -> Outcome<&Storage> {
        let found = self.all.iter().find(|storage| storage.name == name);
        found.ok_or_else(|| Die::new(format!("storage '{name}' does not exist")))
    }

    /// Returns a storage that can be used on this node.
    pub(crate) fn enabled(&self, name: &str) -> Outcome<&Storage> {
        let storage = self.get(name)?;
        if storage.is_disabled() {
            return Err(Die::new(format!("storage '{name}' is disabled")));
        }
        if !storage.is_on(&self.node) {
            let node = &self.node;
            return Err(Die::new(format!("storage '{name}' is not available on node '{node}'")));
        }
        Ok(storage)
    }
}

fn parse(text: &str) -> Vec<Storage> {
    let mut all: Vec<Storage> = Vec::new();
    let mut skipping = true;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if line.starts_with(char::is_whitespace) {
            let line = line.trim();
            let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, "1"));
            if let Some(storage) = all.last_mut().filter(|_| !skipping) {
                storage.values.insert(key.to_owned(), value.trim().to_owned());
            }
            continue;
        }
        let header = line.split_once(':').map(|(kind, name)| (Kind::named(kind), name.trim()));
        skipping = !matches!(header, Some((Some(_), _)));
        if let Some((Some(kind), name)) = header {
            all.push(Storage {
                name: name.to_owned(),
                kind,
                values: Values::new(),
                content: BTreeSet::new(),
            });
        }
    }
    for storage in &mut all {
        let content = storage.values.get("content").map_or("images,rootdir", String::as_str);
        storage.content = formats::split_list(content).into_iter().map(str::to_owned).collect();
    }
    all
}
