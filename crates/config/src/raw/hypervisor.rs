//! `phoenix_hypervisor_config.json`: the host.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Label, ListOrText, OneOrMany, Whole};
use super::shared::RawFirewallRule;

/// The host and what it offers to its guests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(title = "phoenix_hypervisor_config.json")]
pub(crate) struct RawHypervisor {
    /// Where the schema of this file is; for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// Version of this file; for people.
    pub(crate) version: Option<String>,
    /// Who wrote it; for people.
    pub(crate) author: Option<String>,
    /// DNS domain of the site.
    pub(crate) domain_name: Option<String>,
    /// Time zone of the host.
    pub(crate) timezone: Option<String>,
    /// Time servers of the host; absent means those that Debian names.
    pub(crate) ntp_servers: Option<OneOrMany<String>>,
    /// Packages of Proxmox: `no-subscription` or `enterprise`; absent leaves them as they are.
    pub(crate) proxmox_repository: Option<String>,
    /// Debian packages that the host is to have besides those that it needs.
    pub(crate) packages: Option<OneOrMany<String>>,
    /// Whether `phoenix setup` brings every package of the host to its newest version. Default:
    /// false.
    pub(crate) upgrade: Option<bool>,
    /// Administrator of the host.
    pub(crate) users: Option<RawAdministrator>,
    /// Where the other files are.
    pub(crate) core_paths: Option<RawPaths>,
    /// Network of the host.
    pub(crate) network: Option<RawNetwork>,
    /// Networks of Proxmox's own (SDN), with addresses given out by DHCP.
    pub(crate) sdn: Option<Vec<RawSdn>>,
    /// NFS exports.
    pub(crate) nfs: Option<RawNfs>,
    /// Samba shares.
    pub(crate) samba: Option<RawSamba>,
    /// ZFS pools and datasets.
    pub(crate) zfs: Option<RawZfs>,
    /// Storage ids of datasets, by `<pool>_<dataset>` with every `-` written as `_`. A dataset
    /// that is not listed has the id `<pool>-<dataset>`.
    pub(crate) proxmox_storage_ids: Option<BTreeMap<String, String>>,
    /// NVIDIA driver of the host.
    pub(crate) nvidia_driver: Option<RawNvidia>,
    /// Whether the host is to have its IOMMU on, which passing devices to machines takes. Absent
    /// leaves it as it is.
    pub(crate) iommu: Option<bool>,
    /// Directories of the host that several containers mount.
    pub(crate) shared_volumes: Option<BTreeMap<String, RawSharedVolume>>,
    /// Volumes that belong to no guest, by name: blank disks in a storage of ZFS.
    pub(crate) shared_zfs_volumes: Option<BTreeMap<String, RawZfsVolume>>,
    /// Firewall of the data centre.
    pub(crate) firewall: Option<RawHostFirewall>,
    /// Who may send webhooks to `phoenix serve`, and what is done for them. It is read where webhooks
    /// are.
    pub(crate) webhooks: Option<serde_json::Value>,
}

/// The administrator of the host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawAdministrator {
    /// Login name.
    pub(crate) username: Option<String>,
    /// Reference to the secret that holds the password's hash, `secret://…`. `NOT_SET` means none.
    pub(crate) password_hash: Option<String>,
    /// Whether the user may use sudo.
    pub(crate) sudo_access: Option<bool>,
    /// Public key that may log in.
    pub(crate) ssh_public_key: Option<String>,
}

/// Where the other files are.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawPaths {
    /// The containers.
    pub(crate) lxc_config_file: Option<String>,
    /// The machines.
    pub(crate) vm_config_file: Option<String>,
}

/// The network of the host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawNetwork {
    /// Bridge of the host, with its address.
    pub(crate) interfaces: Option<RawInterface>,
    /// Second bridge with a network of its own.
    pub(crate) internal_bridge: Option<RawInternalBridge>,
    /// Host name of the host.
    pub(crate) hostname: Option<String>,
}

/// A bridge of the host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawInterface {
    /// Name, `vmbr0`.
    pub(crate) name: Option<String>,
    /// Address of the host with its prefix.
    pub(crate) address: Option<String>,
    /// Gateway.
    pub(crate) gateway: Option<String>,
    /// Resolvers.
    pub(crate) dns_nameservers: Option<OneOrMany<String>>,
}

/// A bridge with a network of its own, behind the host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawInternalBridge {
    /// Name, `vmbr100`.
    pub(crate) name: Option<String>,
    /// Network; its first address is the host.
    pub(crate) subnet: Option<String>,
}

/// A network of Proxmox's own: a Simple zone with one VNet and one subnet. It is not bridged to
/// the network of the host; the host is its router.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawSdn {
    /// Id of the zone: 2 to 8 letters and digits. Several networks may be in one zone.
    pub(crate) zone: Option<String>,
    /// Id of the VNet, which guests write as their `bridge`: 2 to 8 letters and digits.
    pub(crate) vnet: Option<String>,
    /// What people call it; here may be blanks and dashes.
    pub(crate) alias: Option<String>,
    /// Network, `10.20.0.0/24`.
    pub(crate) subnet: Option<String>,
    /// Address of the host in it. Default: the first of the subnet.
    pub(crate) gateway: Option<String>,
    /// Whether guests reach the outside by the address of the host. Default: true.
    pub(crate) snat: Option<bool>,
    /// First and last address that are given out by DHCP, `10.20.0.100-10.20.0.200`; absent means no
    /// DHCP.
    pub(crate) dhcp_ranges: Option<OneOrMany<String>>,
    /// Resolver that guests are told by DHCP. Default: that of the host.
    pub(crate) dns_server: Option<String>,
}

/// NFS exports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawNfs {
    /// The exports.
    pub(crate) exports: Option<Vec<RawExport>>,
}

/// One NFS export.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawExport {
    /// The directory.
    pub(crate) path: Option<String>,
    /// Who may mount it: addresses or networks.
    pub(crate) clients: Option<Vec<String>>,
    /// Options of the export.
    pub(crate) options: Option<ListOrText>,
}

/// Samba shares.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawSamba {
    /// System user that owns the shares; it must exist.
    pub(crate) user: Option<String>,
    /// The shares.
    pub(crate) shares: Option<Vec<RawShare>>,
}

/// One Samba share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawShare {
    /// Name of the share.
    pub(crate) name: Option<String>,
    /// Directory, `<pool>/<dataset>`.
    pub(crate) path: Option<String>,
    /// Who may use it.
    pub(crate) valid_users: Option<Vec<String>>,
}

/// ZFS pools and datasets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawZfs {
    /// Limit of ZFS's cache in GiB.
    pub(crate) arc_max_gb: Option<Whole>,
    /// The pools.
    pub(crate) pools: Option<Vec<RawPool>>,
    /// The datasets.
    pub(crate) datasets: Option<Vec<RawDataset>>,
}

/// One ZFS pool.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawPool {
    /// Name.
    pub(crate) name: Option<String>,
    /// `single`, `mirror`, `raidz1`, `raidz2` or `raidz3`.
    pub(crate) raid_level: Option<String>,
    /// Disks, by `/dev/disk/by-id`.
    pub(crate) disks: Option<Vec<String>>,
}

/// One ZFS dataset.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawDataset {
    /// Name below its pool.
    pub(crate) name: Option<String>,
    /// Its pool.
    pub(crate) pool: Option<String>,
    /// Properties, as `key=value,key=value` or as an object.
    pub(crate) properties: Option<super::lenient::ObjectOrText<BTreeMap<String, Label>>>,
    /// `zfspool` for disks of guests, `dir` for files. Absent, the dataset is no storage.
    pub(crate) proxmox_storage_type: Option<String>,
    /// What it may hold: `images` and `rootdir`; a `dir` also `iso`, `vztmpl`, `backup`, `snippets`,
    /// `import`.
    pub(crate) proxmox_content_type: Option<String>,
}

/// The NVIDIA driver of the host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawNvidia {
    /// Whether it is installed at all.
    pub(crate) install: Option<bool>,
    /// Version.
    pub(crate) version: Option<String>,
    /// Address of the installer.
    pub(crate) runfile_url: Option<String>,
}

/// A directory of the host that several containers mount.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawSharedVolume {
    /// Directory on the host.
    pub(crate) host_path: Option<String>,
    /// Where it is mounted, by container.
    pub(crate) mounts: Option<BTreeMap<String, String>>,
}

/// A volume that belongs to no guest.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawZfsVolume {
    /// Id of the storage that it lies in.
    pub(crate) pool: Option<String>,
    /// Size in GiB; it grows, and never shrinks.
    pub(crate) size_gb: Option<Whole>,
}

/// The firewall of the data centre.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawHostFirewall {
    /// Whether it is on; it has to be said where there is anything else.
    pub(crate) enabled: Option<bool>,
    /// What happens to traffic inwards that no rule names: `ACCEPT`, `DROP`, `REJECT`. Default: `DROP`.
    pub(crate) default_input_policy: Option<String>,
    /// What happens to traffic outwards that no rule names. Default: `ACCEPT`.
    pub(crate) default_output_policy: Option<String>,
    /// Rules for all.
    pub(crate) global_firewall_rules: Option<Vec<RawFirewallRule>>,
}
