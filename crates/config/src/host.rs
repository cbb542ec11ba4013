//! What the host's config offers to its guests, in words that can be compared.

use ipnet::IpNet;
use phoenix_domain::{BridgeName, GibiBytes, StorageId};

use crate::place::Place;
use crate::raw::RawHypervisor;
use crate::raw::hypervisor::RawDataset;
use crate::raw::lenient::ObjectOrText;

/// What the host offers. Values that make no sense are left out here and told by the rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// Bridges whose network is known.
    pub(crate) networks: Vec<HostNetwork>,
    /// Storages made from datasets, in the order of the datasets.
    pub(crate) storages: Vec<HostStorage>,
}

/// A bridge whose network is known.
#[derive(Clone, Debug)]
pub(crate) struct HostNetwork {
    /// The object that says so, and the key of it.
    pub(crate) block: Place,
    pub(crate) key: &'static str,
    /// The bridge.
    pub(crate) bridge: BridgeName,
    /// The host's own address in it, with the prefix.
    pub(crate) address: IpNet,
    /// The way out.
    pub(crate) gateway: Option<std::net::IpAddr>,
}

impl HostNetwork {
    /// Returns the place where the network is written.
    pub(crate) fn at(&self) -> Place {
        self.block.clone().key(self.key)
    }
}

/// A storage made from a dataset.
#[derive(Clone, Debug)]
pub(crate) struct HostStorage {
    /// Its id.
    pub(crate) id: StorageId,
    /// The position of its dataset in `zfs.datasets`.
    pub(crate) dataset: usize,
    /// `zfspool` or `dir`.
    pub(crate) kind: Option<String>,
    /// What it may hold.
    pub(crate) content: Vec<String>,
    /// What it may hold at most.
    pub(crate) quota: Option<GibiBytes>,
}

/// Storages that every Proxmox host has, whoever set it up.
const ALWAYS_THERE: &[&str] = &["local", "local-lvm", "local-zfs"];

impl Host {
    pub(crate) fn of(raw: &RawHypervisor) -> Self {
        let network = raw.network.as_ref();
        let outer = network.and_then(|network| network.interfaces.as_ref()).and_then(|outer| {
            Some(HostNetwork {
                block: Place::of_host("network").key("interfaces"),
                key: "address",
                bridge: outer.name.as_deref().unwrap_or("vmbr0").parse().ok()?,
                address: outer.address.as_deref()?.parse().ok()?,
                gateway: outer.gateway.as_deref().and_then(|gateway| gateway.parse().ok()),
            })
        });
        let inner =
            network.and_then(|network| network.internal_bridge.as_ref()).and_then(|inner| {
                let subnet: IpNet = inner.subnet.as_deref()?.parse().ok()?;
                let first = subnet.hosts().next()?;
                Some(HostNetwork {
                    block: Place::of_host("network").key("internal_bridge"),
                    key: "subnet",
                    bridge: inner.name.as_deref().unwrap_or("vmbr100").parse().ok()?,
                    address: IpNet::new(first, subnet.prefix_len()).ok()?,
                    gateway: Some(first),
                })
            });
        let sdn = raw.sdn.iter().flatten().enumerate().filter_map(|(nth, sdn)| {
            let subnet: IpNet = sdn.subnet.as_deref()?.parse().ok()?;
            let gateway = match sdn.gateway.as_deref() {
                Some(gateway) => gateway.parse().ok()?,
                None => subnet.hosts().next()?,
            };
            Some(HostNetwork {
                block: Place::of_host("sdn").index(nth),
                key: "subnet",
                bridge: sdn.vnet.as_deref()?.parse().ok()?,
                address: IpNet::new(gateway, subnet.prefix_len()).ok()?,
                gateway: Some(gateway),
            })
        });
        let datasets = raw.zfs.as_ref().and_then(|zfs| zfs.datasets.as_deref()).unwrap_or_default();
        let storages = datasets
            .iter()
            .enumerate()
            .filter_map(|(nth, dataset)| {
                Some(HostStorage {
                    id: storage_id(raw, dataset)?,
                    dataset: nth,
                    kind: dataset.proxmox_storage_type.clone(),
                    content: words(dataset.proxmox_content_type.as_deref().unwrap_or_default()),
                    quota: property(dataset, "quota").and_then(|quota| size(&quota)),
                })
            })
            .collect();
        Self { networks: outer.into_iter().chain(inner).chain(sdn).collect(), storages }
    }

    /// Returns a storage that is made from a dataset.
    pub(crate) fn storage(&self, id: &StorageId) -> Option<&HostStorage> {
        self.storages.iter().find(|storage| storage.id == *id)
    }

    /// Returns the network behind a bridge.
    pub(crate) fn network(&self, bridge: &BridgeName) -> Option<&HostNetwork> {
        self.networks.iter().find(|network| network.bridge == *bridge)
    }

    /// Says whether Proxmox itself makes a storage of this name.
    pub(crate) fn is_always_there(id: &StorageId) -> bool {
        ALWAYS_THERE.contains(&id.as_str())
    }
}

/// Returns the storage id of a dataset: as `proxmox_storage_ids` says, else `<pool>-<dataset>`.
pub(crate) fn storage_id(raw: &RawHypervisor, dataset: &RawDataset) -> Option<StorageId> {
    let (pool, name) = (dataset.pool.as_deref()?, dataset.name.as_deref()?);
    let key = storage_key(pool, name);
    let mapped = raw.proxmox_storage_ids.as_ref().and_then(|ids| ids.get(&key)).cloned();
    mapped.unwrap_or_else(|| format!("{pool}-{name}")).parse().ok()
}

/// Returns the key under which `proxmox_storage_ids` names the storage of a dataset.
pub(crate) fn storage_key(pool: &str, dataset: &str) -> String {
    format!("{pool}_{dataset}").replace('-', "_")
}

/// Returns one property of a dataset, whichever way its properties are written.
pub(crate) fn property(dataset: &RawDataset, name: &str) -> Option<String> {
    match dataset.properties.as_ref()? {
        ObjectOrText::Object(properties) => properties.get(name).map(|value| value.0.clone()),
        ObjectOrText::Text(text) => text
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned()),
    }
}

/// Returns the properties of a dataset, whichever way they are written.
pub(crate) fn properties(dataset: &RawDataset) -> Vec<(String, String)> {
    match dataset.properties.as_ref() {
        None => Vec::new(),
        Some(ObjectOrText::Object(properties)) => {
            properties.iter().map(|(key, value)| (key.clone(), value.0.clone())).collect()
        }
        Some(ObjectOrText::Text(text)) => text
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect(),
    }
}

/// Reads a size as ZFS writes it (`600G`, `1.4T`), rounded down to whole GiB.
pub(crate) fn size(text: &str) -> Option<GibiBytes> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.get(..text.len() - unit.len())?.parse().ok()?;
    let gibibytes = match unit.trim_end_matches(['B', 'b', 'i']).to_ascii_uppercase().as_str() {
        "P" => number * 1024.0 * 1024.0,
        "T" => number * 1024.0,
        "G" => number,
        "M" => number / 1024.0,
        "K" => number / 1024.0 / 1024.0,
        "" => number / 1024.0 / 1024.0 / 1024.0,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to integer cast saturates, and no disk is larger than that"
    )]
    Some(GibiBytes(gibibytes as u64))
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_zfs_writes_them() {
        for (text, gibibytes) in
            [("600G", 600), ("1.4T", 1433), ("1024M", 1), ("2TiB", 2048), ("0", 0)]
        {
            assert_eq!(size(text), Some(GibiBytes(gibibytes)), "{text}");
        }
        for bad in ["", "G", "12X", "none", "1.2.3G"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
