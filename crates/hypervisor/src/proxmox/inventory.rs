//! What a node has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Proxmox, tool};
use crate::footing::is_too_much;
use crate::{Gpu, Hand, HostError, Inventory};

/// How long the sizes of storages are believed: asking costs half a second of Perl.
const BELIEVED: Duration = Duration::from_mins(5);
/// How long the question may take: a storage of another machine may be away.
const ASK: Duration = Duration::from_mins(1);

/// The same while one of them is not well: that it is back should be known soon.
const BELIEVED_BAD: Duration = Duration::from_mins(1);

/// What was last told about storages.
#[derive(Debug, Default)]
pub(super) struct Storages(Mutex<Option<(Instant, Stock)>>);

/// What Proxmox tells about storages.
#[derive(Clone, Debug, Default, PartialEq)]
struct Stock {
    /// What is free on those that are there, in GiB.
    free: BTreeMap<String, u64>,
    /// Those that are not there, or full.
    broken: BTreeSet<String>,
}

/// A storage that is a folder.
pub(super) struct Folder {
    pub(super) name: String,
    pub(super) path: String,
    /// What it may hold.
    pub(super) content: Vec<String>,
    /// Whether something has to be mounted there.
    pub(super) is_mounted: bool,
    /// Whether that is the disk of another machine, which may be away.
    pub(super) is_remote: bool,
}

/// Where an archive is.
pub(super) enum Found<'a> {
    /// On the host, as far as it can be seen.
    There,
    /// Not on this storage; Proxmox may know where to get it.
    Fetchable { storage: &'a str, name: &'a str },
}

impl Proxmox {
    pub(super) async fn take_stock(&self) -> Result<Inventory, HostError> {
        let memory = self.text("/proc/meminfo");
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let memory = memory.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Inventory {
            driver: "proxmox".to_owned(),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            memory_mb: memory.unwrap_or_default() / 1024,
            gpus: Gpu::of_nvidia(&self.layout.proc()),
            storages: self.storages().await?,
            templates: self.archives(),
            tools: self.tools(),
        })
    }

    /// Returns what is free on each storage, in GiB: asked once in a while.
    async fn storages(&self) -> Result<BTreeMap<String, u64>, HostError> {
        if let Some((when, stock)) = self.stock() {
            let believed = if stock.broken.is_empty() { BELIEVED } else { BELIEVED_BAD };
            if when.elapsed() < believed {
                return Ok(stock.free);
            }
        }
        let text = tool::ask(&self.layout, "pvesm", &["status"], ASK, &Hand::default()).await?;
        let stock = Stock {
            free: text.lines().filter_map(free).collect(),
            broken: text.lines().filter_map(broken).collect(),
        };
        let free = stock.free.clone();
        let mut known = self.storages.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Instant::now(), stock));
        Ok(free)
    }

    fn stock(&self) -> Option<(Instant, Stock)> {
        self.storages.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says whether Proxmox told of a storage, when it was last asked, that it is not there or full.
    pub(super) fn was_broken(&self, storage: &str) -> bool {
        self.stock().is_some_and(|(_, stock)| stock.broken.contains(storage))
    }

    /// Returns the archives guests can be made of.
    fn archives(&self) -> Vec<String> {
        let mut archives = Vec::new();
        for Folder { name, path, .. } in self.folders() {
            let Ok(entries) = fs::read_dir(self.layout.archives(&path)) else { continue };
            let files = entries.filter_map(Result::ok).filter(|entry| entry.path().is_file());
            archives
                .extend(files.map(|file| format!("{name}:vztmpl/{}", file.file_name().display())));
        }
        archives.sort_unstable();
        archives
    }

    /// Returns the storages that are folders, by the config of storages.
    pub(super) fn folders(&self) -> Vec<Folder> {
        let text = fs::read_to_string(self.layout.storages()).unwrap_or_default();
        let mut folders: Vec<Folder> = Vec::new();
        let mut head = None;
        for line in text.lines() {
            let word = |key: &str| line.trim().strip_prefix(key).map(str::trim);
            if !line.starts_with(char::is_whitespace) {
                head = line.split_once(':').map(|(kind, name)| (kind.trim(), name.trim()));
                continue;
            }
            let Some((kind, name)) = head else { continue };
            if let Some(path) = word("path ") {
                let is_remote = matches!(kind, "nfs" | "cifs" | "cephfs" | "glusterfs");
                folders.push(Folder {
                    name: name.to_owned(),
                    path: path.to_owned(),
                    content: Vec::new(),
                    is_mounted: is_remote,
                    is_remote,
                });
            }
            let Some(folder) = folders.last_mut().filter(|folder| folder.name == name) else {
                continue;
            };
            if let Some(content) = word("content ") {
                folder.content = content.split(',').map(|word| word.trim().to_owned()).collect();
            } else if let Some(said) = word("is_mountpoint ") {
                folder.is_mounted |= !matches!(said, "0" | "no");
            }
        }
        folders
    }

    fn tools(&self) -> BTreeMap<String, String> {
        let installed = self.text("/var/lib/dpkg/status");
        let mut tools = Inventory::kernel_of(&self.layout.host("/"));
        for package in ["pve-manager", "pve-container", "qemu-server"] {
            let entry = installed.split("\n\n").find(|entry| {
                entry.lines().next().is_some_and(|first| first == format!("Package: {package}"))
            });
            let version = entry.and_then(|entry| {
                entry.lines().find_map(|line| line.strip_prefix("Version: ").map(str::to_owned))
            });
            tools.extend(version.map(|version| (package.to_owned(), version)));
        }
        tools
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.layout.host(path)).unwrap_or_default()
    }

    /// Sees that an archive is there, and has Proxmox fetch it where it is one of its own.
    pub(super) async fn bring_archive(&self, archive: &str, hand: &Hand) -> Result<(), HostError> {
        let Found::Fetchable { storage, name } = self.find_archive(archive)? else { return Ok(()) };
        let limit = Duration::from_hours(1);
        tool::ask(&self.layout, "pveam", &["download", storage, name], limit, hand).await.map(drop)
    }

    /// Says where an archive is, or that there is none by this name.
    pub(super) fn find_archive<'a>(&self, archive: &'a str) -> Result<Found<'a>, HostError> {
        let missing = |why: String| {
            Err(HostError::Impossible { what: format!("making a guest of {archive}"), why })
        };
        if archive.starts_with('/') {
            return if self.layout.host(archive).is_file() {
                Ok(Found::There)
            } else {
                missing("there is no such file on the host".to_owned())
            };
        }
        let Some((storage, name)) = archive.split_once(":vztmpl/") else {
            return missing("an archive is a path on the host or `STORAGE:vztmpl/FILE`".to_owned());
        };
        let folder = self.folders().into_iter().find(|folder| folder.name == storage);
        // Of a storage of another kind only Proxmox knows how to look there.
        let is_there =
            folder.is_none_or(|folder| self.layout.archives(&folder.path).join(name).is_file());
        Ok(if is_there { Found::There } else { Found::Fetchable { storage, name } })
    }
}

/// Reads a line of `pvesm status`: name, type, status, total, used, available in KiB.
fn free(line: &str) -> Option<(String, u64)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [name, _, "active", _, _, available, ..] = words.as_slice() else { return None };
    Some(((*name).to_owned(), available.parse::<u64>().ok()? / (1024 * 1024)))
}

/// Reads the same line: the name of a storage that is not there, or full.
fn broken(line: &str) -> Option<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [name, _, status, all, used, ..] = words.as_slice() else { return None };
    let is_full = || {
        let (all, used) = (all.parse::<u64>(), used.parse::<u64>());
        all.is_ok_and(|all| used.is_ok_and(|used| is_too_much(used, all)))
    };
    let is_broken = match *status {
        "active" => is_full(),
        "inactive" => true,
        // Nobody wants it.
        _ => false,
    };
    is_broken.then(|| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_storages_that_are_there_have_room() {
        let line =
            "labdir        dir     active        9788736         1234567         8052736   12.61%";
        assert_eq!(free(line), Some(("labdir".to_owned(), 7)));
        assert_eq!(free("away  nfs inactive 0 0 0 0.00%"), None);
        assert_eq!(free("Name Type Status Total Used Available %"), None);
    }

    #[test]
    fn a_storage_is_broken_that_is_wanted_and_is_not_there_or_full() {
        let broken = |line: &str| super::broken(line).is_some();
        assert!(broken("away  nfs inactive 0 0 0 0.00%"));
        assert!(broken("tank  zfspool active 1000 960 40 96.00%"));
        assert!(!broken("tank  zfspool active 1000 940 60 94.00%"));
        assert!(!broken("old  dir disabled 0 0 0 N/A"));
        assert!(!broken("Name Type Status Total Used Available %"));
    }
}
