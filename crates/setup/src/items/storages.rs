//! What datasets are to Proxmox.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_config::{Dataset, HostSpec, Storage};

use super::ground;
use crate::change::{Act, HostChange, Run};
use crate::host::Host;
use crate::item::{Check, Item, Look, Refusal};

const FILE: &str = "/etc/pve/storage.cfg";

/// What the datasets of one pool are to Proxmox.
pub(super) struct Storages {
    pool: String,
    storages: Vec<(Dataset, Storage)>,
}

impl Storages {
    pub(super) fn all(spec: &HostSpec) -> impl Iterator<Item = Self> {
        let of = |dataset: &Dataset| Some((dataset.clone(), dataset.storage.clone()?));
        let storages: Vec<_> = spec.datasets.iter().filter_map(of).collect();
        let pools = ground::pools(storages.iter().map(|(dataset, _)| dataset));
        pools.into_iter().map(move |pool| {
            let own = storages.iter().filter(|(dataset, _)| dataset.pool == pool);
            Self { storages: own.cloned().collect(), pool }
        })
    }
}

/// A storage as Proxmox has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) kind: String,
    pub(super) keys: BTreeMap<String, String>,
}

impl Item for Storages {
    fn name(&self) -> &'static str {
        "storages"
    }

    fn part(&self) -> Option<&str> {
        Some(&self.pool)
    }

    fn about(&self) -> &'static str {
        "what datasets are to Proxmox"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["datasets"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        if !host.has("pvesm") {
            let advice = "install Proxmox VE, or take `proxmox_storage_type` out of the datasets";
            return Err(Refusal::new(
                "storages",
                "this is no Proxmox node: it has no `pvesm`",
                advice,
            ));
        }
        let known = known(host)?;
        let mut changes = Vec::new();
        for (dataset, storage) in &self.storages {
            let id = storage.id.as_str();
            let content = storage.content.join(",");
            let (kind, key, value) = if storage.is_zfs {
                ("zfspool", "pool", dataset.full_name())
            } else {
                ("dir", "path", ground::place(dataset))
            };
            let Some(found) = known.get(id) else {
                let words =
                    ["pvesm", "add", kind, id, &format!("--{key}"), &value, "--content", &content];
                let more: &[&str] =
                    if storage.is_zfs { &["--sparse", "1"] } else { &["--is_mountpoint", "1"] };
                let run = Run::of(words.into_iter().chain(more.iter().copied()));
                changes.push(HostChange::live(Act::Run(run), "Proxmox does not know it"));
                continue;
            };
            let is_same = found.kind == kind && found.keys.get(key) == Some(&value);
            if !is_same {
                let what = found.keys.get(key).map_or("something else", String::as_str);
                let why = format!(
                    "it is a `{}` of {what}, and is to be a `{kind}` of {value}",
                    found.kind
                );
                let advice = "guests may have their disks in it: remove it by hand, or give the dataset another id in `proxmox_storage_ids`";
                return Err(Refusal::new(format!("the storage {id}"), why, advice));
            }
            let now = found.keys.get("content").map(String::as_str).unwrap_or_default();
            if words(now) != words(&content) {
                let run = Run::of(["pvesm", "set", id, "--content", &content]);
                changes.push(HostChange::live(Act::Run(run), format!("it may hold {now}")));
            }
        }
        Ok(Look::of(changes))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let status = host.asked(&["pvesm", "status"]);
        let active = |(_, storage): &(Dataset, Storage)| {
            let id = storage.id.as_str();
            let wrong = status.clone().map(|status| {
                let mut lines =
                    status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
                let state = lines.find(|line| line.first() == Some(&id));
                let state = state.and_then(|line| line.get(2).map(|state| (*state).to_owned()));
                let state = state.unwrap_or_else(|| "not there".to_owned());
                (state != "active").then(|| format!("it is {state}"))
            });
            Check::of(format!("the storage {id} is active"), wrong)
        };
        self.storages.iter().map(active).collect()
    }
}

fn words(list: &str) -> BTreeSet<&str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect()
}

/// Returns the storages that Proxmox knows.
pub(super) fn known(host: &Host) -> Result<BTreeMap<String, Known>, Refusal> {
    Ok(read(&host.text(FILE)?.unwrap_or_default()))
}

fn read(text: &str) -> BTreeMap<String, Known> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let is_key = line.starts_with([' ', '\t']);
        match (line.trim(), is_key) {
            ("", _) => open = None,
            (line, false) => {
                let head = line.split_once(':').filter(|_| !line.starts_with('#'));
                open = head.map(|(kind, id)| {
                    let found = Known { kind: kind.trim().to_owned(), keys: BTreeMap::new() };
                    known.insert(id.trim().to_owned(), found);
                    id.trim().to_owned()
                });
            }
            (line, true) => {
                let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                if let Some(found) = open.as_ref().and_then(|id| known.get_mut(id)) {
                    found.keys.insert(key.to_owned(), value.trim().to_owned());
                }
            }
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storages_are_read_by_their_whole_id() {
        let text = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl\n\nzfspool: tank-vm-disks\n\tpool tank/vm-disks\n\tsparse\n";

        let known = read(text);

        assert_eq!(known.keys().collect::<Vec<_>>(), ["local", "tank-vm-disks"]);
        assert_eq!(known["tank-vm-disks"].keys["pool"], "tank/vm-disks");
        assert_eq!(words("iso,vztmpl"), words("vztmpl, iso"));
    }
}
