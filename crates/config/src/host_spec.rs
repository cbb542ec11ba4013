//! What the host is to be, in words: `phoenix setup` makes it so.
//!
//! It is made of the same file as the rules look at. A value that makes no sense is left out here,
//! as a rule has told it, and what has an error in it makes no host at all.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use phoenix_domain::{
    FirewallAction, FirewallRule, GibiBytes, SecretRef, StorageId, TrafficDirection,
};

use crate::folder::{Folder, Holding};
use crate::host::{properties, storage_id};
use crate::raw::RawHypervisor;
use crate::raw::hypervisor::{RawDataset, RawHostFirewall, RawSdn};
use crate::raw::lenient::{ListOrText, OneOrMany};
use crate::raw::shared::RawFirewallRule;

/// What a host is to be. What is absent is left as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostSpec {
    /// Its time zone.
    pub timezone: Option<String>,
    /// Where it has the time from; none means from where Debian has it.
    pub ntp_servers: Vec<String>,
    /// Where the packages of Proxmox come from.
    pub repository: Option<Repository>,
    /// Packages beside those that the rest of this asks for.
    pub packages: Vec<String>,
    /// Whether every package is brought to its newest version.
    pub upgrade: bool,
    /// Who administers it.
    pub administrator: Option<Administrator>,
    /// Its name.
    pub hostname: Option<String>,
    /// The DNS domain of the site.
    pub domain: Option<String>,
    /// Its bridge to the outside.
    pub bridge: Option<OuterBridge>,
    /// Its bridge with a network behind it.
    pub inner: Option<InnerBridge>,
    /// Networks of Proxmox's own.
    pub sdn: Vec<SdnNetwork>,
    /// The firewall of the data centre.
    pub firewall: Option<HostFirewall>,
    /// What it exports by NFS; none at all is something else than nothing said.
    pub exports: Option<Vec<Export>>,
    /// What it shares by Samba.
    pub samba: Option<Samba>,
    /// What ZFS may keep in memory.
    pub arc_max: Option<GibiBytes>,
    /// Pools.
    pub pools: Vec<Pool>,
    /// Datasets.
    pub datasets: Vec<Dataset>,
    /// Volumes that belong to no guest.
    pub volumes: Vec<LooseVolume>,
    /// The driver of NVIDIA.
    pub nvidia: Option<NvidiaDriver>,
    /// Whether its IOMMU is to be on.
    pub iommu: bool,
    /// Files with AppArmor profiles, each called as its profile.
    pub profiles: Vec<PathBuf>,
}

/// Where the packages of Proxmox come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repository {
    /// For who pays.
    Enterprise,
    /// For everybody.
    NoSubscription,
}

/// Who administers a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Administrator {
    /// Login name.
    pub name: String,
    /// Where the hash of the password is kept.
    pub password: Option<SecretRef>,
    /// Whether sudo may be used.
    pub sudo: bool,
    /// Public keys that may log in.
    pub keys: Vec<String>,
}

/// A bridge to the outside.
#[derive(Clone, Debug, PartialEq)]
pub struct OuterBridge {
    /// Its name.
    pub name: String,
    /// The host's address, with the prefix.
    pub address: IpNet,
    /// The way out.
    pub gateway: Option<IpAddr>,
    /// Resolvers.
    pub resolvers: Vec<IpAddr>,
}

/// A bridge with a network behind the host.
#[derive(Clone, Debug, PartialEq)]
pub struct InnerBridge {
    /// Its name.
    pub name: String,
    /// The host's address in it, with the prefix.
    pub address: IpNet,
}

/// A network of Proxmox's own: one VNet of a Simple zone.
#[derive(Clone, Debug, PartialEq)]
pub struct SdnNetwork {
    /// Id of the zone.
    pub zone: String,
    /// Id of the VNet.
    pub vnet: String,
    /// What people call it.
    pub alias: Option<String>,
    /// The network.
    pub subnet: IpNet,
    /// The host in it.
    pub gateway: IpAddr,
    /// Whether guests reach the outside by the address of the host.
    pub snat: bool,
    /// What DHCP gives out: first and last addresses.
    pub dhcp: Vec<(IpAddr, IpAddr)>,
    /// The resolver that guests are told.
    pub resolver: Option<IpAddr>,
}

/// The firewall of the data centre.
#[derive(Clone, Debug, PartialEq)]
pub struct HostFirewall {
    /// Whether it is on.
    pub enabled: bool,
    /// What happens to traffic inwards that no rule names.
    pub input: FirewallAction,
    /// What happens to traffic outwards that no rule names.
    pub output: FirewallAction,
    /// Rules for all.
    pub rules: Vec<FirewallRule>,
}

/// One NFS export.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The directory.
    pub path: String,
    /// Who may mount it.
    pub clients: Vec<String>,
    /// How.
    pub options: Vec<String>,
}

/// What is shared by Samba.
#[derive(Clone, Debug, PartialEq)]
pub struct Samba {
    /// Whom the directories belong to.
    pub user: String,
    /// The shares.
    pub shares: Vec<Share>,
}

/// One Samba share.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// The directory.
    pub path: String,
    /// Who may use it.
    pub users: Vec<String>,
}

/// How the disks of a pool stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaidLevel {
    /// Side by side.
    Single,
    /// Each has everything.
    Mirror,
    /// This many may fail.
    Raidz(u8),
}

/// One ZFS pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How its disks stand together.
    pub level: RaidLevel,
    /// Its disks.
    pub disks: Vec<String>,
}

/// One ZFS dataset, and the storage that it is to Proxmox.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its pool.
    pub pool: String,
    /// Its name below the pool.
    pub name: String,
    /// Properties, in the order in which they are written.
    pub properties: Vec<(String, String)>,
    /// What it is to Proxmox.
    pub storage: Option<Storage>,
}

impl Dataset {
    /// Returns what ZFS calls it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.pool, self.name)
    }
}

/// A storage made of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Its id.
    pub id: StorageId,
    /// Whether guests' disks are datasets in it; else it is a directory of files.
    pub is_zfs: bool,
    /// What it may hold.
    pub content: Vec<String>,
}

/// A volume that belongs to no guest.
#[derive(Clone, Debug, PartialEq)]
pub struct LooseVolume {
    /// Its name.
    pub name: String,
    /// The storage it lies in.
    pub storage: StorageId,
    /// Its size.
    pub size: GibiBytes,
}

/// The driver of NVIDIA.
#[derive(Clone, Debug, PartialEq)]
pub struct NvidiaDriver {
    /// Its version.
    pub version: String,
    /// Where its installer is.
    pub url: String,
}

impl HostSpec {
    pub(crate) fn of(raw: &RawHypervisor, folder: &Folder) -> Self {
        let network = raw.network.as_ref();
        let zfs = raw.zfs.as_ref();
        Self {
            timezone: said(raw.timezone.as_ref()),
            ntp_servers: all(raw.ntp_servers.as_ref()),
            repository: raw.proxmox_repository.as_deref().and_then(repository),
            packages: all(raw.packages.as_ref()),
            upgrade: raw.upgrade == Some(true),
            administrator: administrator(raw),
            hostname: network.and_then(|network| said(network.hostname.as_ref())),
            domain: said(raw.domain_name.as_ref()),
            bridge: network.and_then(|network| network.interfaces.as_ref()).and_then(|outer| {
                Some(OuterBridge {
                    name: outer.name.clone().unwrap_or_else(|| "vmbr0".to_owned()),
                    address: outer.address.as_deref()?.parse().ok()?,
                    gateway: outer.gateway.as_deref().and_then(|gateway| gateway.parse().ok()),
                    resolvers: all(outer.dns_nameservers.as_ref())
                        .iter()
                        .filter_map(|address| address.parse().ok())
                        .collect(),
                })
            }),
            inner: network.and_then(|network| network.internal_bridge.as_ref()).and_then(|inner| {
                let subnet: IpNet = inner.subnet.as_deref()?.parse().ok()?;
                Some(InnerBridge {
                    name: inner.name.clone().unwrap_or_else(|| "vmbr100".to_owned()),
                    address: IpNet::new(subnet.hosts().next()?, subnet.prefix_len()).ok()?,
                })
            }),
            sdn: raw.sdn.iter().flatten().filter_map(sdn).collect(),
            firewall: raw.firewall.as_ref().and_then(firewall),
            exports: raw.nfs.as_ref().and_then(|nfs| nfs.exports.as_ref()).map(|exports| {
                let exports = exports.iter().filter_map(|export| {
                    Some(Export {
                        path: said(export.path.as_ref())?,
                        clients: export.clients.clone().unwrap_or_default(),
                        options: export.options.as_ref().map(list).unwrap_or_default(),
                    })
                });
                exports.collect()
            }),
            samba: raw.samba.as_ref().and_then(|samba| {
                let shares = samba.shares.iter().flatten().filter_map(|share| {
                    let path = said(share.path.as_ref())?;
                    Some(Share {
                        name: said(share.name.as_ref())?,
                        path: format!("/{}", path.trim_start_matches('/')),
                        users: share.valid_users.clone().unwrap_or_default(),
                    })
                });
                Some(Samba { user: said(samba.user.as_ref())?, shares: shares.collect() })
            }),
            arc_max: zfs.and_then(|zfs| zfs.arc_max_gb).map(|arc| GibiBytes(arc.0)),
            pools: zfs
                .and_then(|zfs| zfs.pools.as_deref())
                .unwrap_or_default()
                .iter()
                .filter_map(|pool| {
                    Some(Pool {
                        name: said(pool.name.as_ref())?,
                        level: level(pool.raid_level.as_deref())?,
                        disks: pool.disks.clone().unwrap_or_default(),
                    })
                })
                .collect(),
            datasets: zfs
                .and_then(|zfs| zfs.datasets.as_deref())
                .unwrap_or_default()
                .iter()
                .filter_map(|dataset| self::dataset(raw, dataset))
                .collect(),
            volumes: raw
                .shared_zfs_volumes
                .iter()
                .flatten()
                .filter_map(|(name, volume)| {
                    Some(LooseVolume {
                        name: name.clone(),
                        storage: said(volume.pool.as_ref())?.parse().ok()?,
                        size: GibiBytes(volume.size_gb?.0),
                    })
                })
                .collect(),
            nvidia: raw
                .nvidia_driver
                .as_ref()
                .filter(|driver| driver.install == Some(true))
                .and_then(|driver| {
                    Some(NvidiaDriver {
                        version: said(driver.version.as_ref())?,
                        url: said(driver.runfile_url.as_ref())?,
                    })
                }),
            iommu: raw.iommu == Some(true),
            profiles: profiles(folder),
        }
    }
}

/// Returns what was said, if that is anything.
fn said(text: Option<&String>) -> Option<String> {
    text.map(String::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn all(list: Option<&OneOrMany<String>>) -> Vec<String> {
    list.map(|list| list.0.clone()).unwrap_or_default()
}

fn list(list: &ListOrText) -> Vec<String> {
    let words = |text: &str| {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    match list {
        ListOrText::List(list) => list.iter().flat_map(|text| words(text)).collect(),
        ListOrText::Text(text) => words(text),
    }
}

/// Reads the name of a repository.
pub(crate) fn repository(text: &str) -> Option<Repository> {
    match text {
        "enterprise" => Some(Repository::Enterprise),
        "no-subscription" => Some(Repository::NoSubscription),
        _ => None,
    }
}

fn administrator(raw: &RawHypervisor) -> Option<Administrator> {
    let user = raw.users.as_ref()?;
    let is_set = |text: &&str| !text.is_empty() && *text != "NOT_SET";
    let keys = user.ssh_public_key.as_deref().filter(is_set).unwrap_or_default();
    let keys = keys.lines().map(str::trim).filter(|line| !line.is_empty());
    Some(Administrator {
        name: said(user.username.as_ref())?,
        password: user.password_hash.as_deref().filter(is_set).and_then(|hash| hash.parse().ok()),
        sudo: user.sudo_access.unwrap_or(false),
        keys: keys.map(str::to_owned).collect(),
    })
}

fn sdn(raw: &RawSdn) -> Option<SdnNetwork> {
    let subnet: IpNet = raw.subnet.as_deref()?.parse().ok()?;
    let gateway = match raw.gateway.as_deref() {
        Some(gateway) => gateway.parse().ok()?,
        None => subnet.hosts().next()?,
    };
    Some(SdnNetwork {
        zone: said(raw.zone.as_ref())?,
        vnet: said(raw.vnet.as_ref())?,
        alias: said(raw.alias.as_ref()),
        subnet: subnet.trunc(),
        gateway,
        snat: raw.snat.unwrap_or(true),
        dhcp: all(raw.dhcp_ranges.as_ref()).iter().filter_map(|range| self::range(range)).collect(),
        resolver: raw.dns_server.as_deref().and_then(|server| server.parse().ok()),
    })
}

/// Reads a range of addresses, `10.20.0.100-10.20.0.200`.
pub(crate) fn range(text: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = text.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

fn firewall(raw: &RawHostFirewall) -> Option<HostFirewall> {
    let policy = |text: &Option<String>, other| text.as_deref().map_or(Some(other), action);
    let rules = raw.global_firewall_rules.iter().flatten().map(rule);
    Some(HostFirewall {
        enabled: raw.enabled?,
        input: policy(&raw.default_input_policy, FirewallAction::Drop)?,
        output: policy(&raw.default_output_policy, FirewallAction::Accept)?,
        rules: rules.collect::<Option<_>>()?,
    })
}

fn action(text: &str) -> Option<FirewallAction> {
    match text.to_ascii_uppercase().as_str() {
        "ACCEPT" => Some(FirewallAction::Accept),
        "DROP" => Some(FirewallAction::Drop),
        "REJECT" => Some(FirewallAction::Reject),
        _ => None,
    }
}

fn rule(raw: &RawFirewallRule) -> Option<FirewallRule> {
    let direction = match raw.direction.as_deref()?.to_ascii_lowercase().as_str() {
        "in" => TrafficDirection::In,
        "out" => TrafficDirection::Out,
        _ => return None,
    };
    let text = |text: &Option<String>| said(text.as_ref()).map(String::into_boxed_str);
    Some(FirewallRule {
        direction,
        action: action(raw.action.as_deref()?)?,
        source: text(&raw.source),
        dest: text(&raw.dest),
        proto: text(&raw.proto),
        port: raw.port.as_ref().map(|port| port.0.clone().into_boxed_str()),
        iface: text(&raw.iface),
        comment: text(&raw.comment),
    })
}

fn level(text: Option<&str>) -> Option<RaidLevel> {
    match text.unwrap_or("single").to_ascii_lowercase().as_str() {
        "single" => Some(RaidLevel::Single),
        "mirror" => Some(RaidLevel::Mirror),
        "raidz1" => Some(RaidLevel::Raidz(1)),
        "raidz2" => Some(RaidLevel::Raidz(2)),
        "raidz3" => Some(RaidLevel::Raidz(3)),
        _ => None,
    }
}

fn dataset(raw: &RawHypervisor, dataset: &RawDataset) -> Option<Dataset> {
    let content = dataset.proxmox_content_type.as_deref().unwrap_or_default();
    let content: Vec<_> =
        content.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let storage = dataset.proxmox_storage_type.as_deref().and_then(|kind| {
        Some(Storage {
            id: storage_id(raw, dataset)?,
            is_zfs: kind == "zfspool",
            content: content.iter().map(|word| (*word).to_owned()).collect(),
        })
    });
    Some(Dataset {
        pool: said(dataset.pool.as_ref())?,
        name: said(dataset.name.as_ref())?,
        properties: properties(dataset),
        storage,
    })
}

/// Returns the files of profiles, in the order of their names.
fn profiles(folder: &Folder) -> Vec<PathBuf> {
    let folders = folder.holding(Holding::Profiles);
    let mut files: Vec<_> = folders
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    // The nearest folder was looked at first.
    files.dedup_by(|one, other| one.file_name() == other.file_name());
    files
}
