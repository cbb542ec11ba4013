//! `phoenix_vm_configs.json`: the virtual machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::given::{Named, RawSetting};
use super::lenient::{Label, OneOrMany, Whole};
use super::shared::{RawCheck, RawFirewall, RawHealth, RawNic, RawProbe, RawRoute};

/// What `phoenix_vm_configs.json` says besides its machines.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawVmHead {
    /// Where the schema of this file is; for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// What a machine has that does not say otherwise.
    pub(crate) vm_defaults: Option<RawVmDefaults>,
}

/// What a machine has that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawVmDefaults {
    /// CPU cores.
    pub(crate) cores: Option<Whole>,
    /// Memory in MiB.
    pub(crate) memory_mb: Option<Whole>,
    /// Size of the root disk in GiB.
    pub(crate) disk_size_gb: Option<Whole>,
    /// Storage of the root disk.
    pub(crate) storage_pool: Option<String>,
    /// Bridge of the first interface.
    pub(crate) network_bridge: Option<String>,
}

/// One virtual machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawMachine {
    /// Number of the machine; containers and machines share one space of numbers.
    pub(crate) vmid: Option<Label>,
    /// Host name. It must be unique and a DNS name.
    pub(crate) name: Option<String>,
    /// Proxmox node it lives on; needed only where there are several.
    pub(crate) node: Option<String>,
    /// Whether it is cleaned and turned into a template at the end.
    pub(crate) is_template: Option<bool>,
    /// Cloud image to make it from, unless it is a clone: an address (`https://…`, `#sha256=…` behind
    /// it), a path of the host, a volume of a storage, or the name of one of Ubuntu or Debian.
    pub(crate) template_image: Option<String>,
    /// Machine it is cloned from.
    pub(crate) clone_from_vmid: Option<Label>,
    /// Snapshot it leaves at the end.
    pub(crate) template_snapshot_name: Option<String>,
    /// CPU cores. Default: that of `vm_defaults`, else 1.
    pub(crate) cores: Option<Whole>,
    /// Memory in MiB. Default: that of `vm_defaults`, else 512.
    pub(crate) memory_mb: Option<Whole>,
    /// Size of the root disk in GiB; it only ever grows. Default: that of `vm_defaults`.
    pub(crate) disk_size_gb: Option<Whole>,
    /// Storage of the root disk. Default: that of `vm_defaults`.
    pub(crate) storage_pool: Option<String>,
    /// Bridge of the first interface. Default: that of `vm_defaults`.
    pub(crate) network_bridge: Option<String>,
    /// First network interface.
    pub(crate) network_config: Option<RawNic>,
    /// MAC address of the first interface. Absent, Proxmox invents one.
    pub(crate) mac_address: Option<String>,
    /// User that Cloud-Init creates.
    pub(crate) user_config: Option<RawUser>,
    /// Whether it starts with the host. Default: false.
    pub(crate) start_at_boot: Option<bool>,
    /// Place in the order of starting, lowest first.
    pub(crate) boot_order: Option<Whole>,
    /// Seconds to wait before the next guest starts.
    pub(crate) boot_delay: Option<Whole>,
    /// Features to install, in this order; names of folders of the feature library.
    pub(crate) features: Option<OneOrMany<String>>,
    /// What is set of those features: by feature, by parameter. What is not said is what the
    /// feature's own manifest says.
    pub(crate) feature_parameters: Option<Named<Named<RawSetting>>>,
    /// Secrets its features and scripts may ask for, by the names under which they ask: references
    /// (`secret://path/of/it`, with `#key` for one key of it), never values.
    pub(crate) secrets: Option<Named<String>>,
    /// Guests that must be there before this one.
    pub(crate) dependencies: Option<OneOrMany<Label>>,
    /// Directories of NFS servers mounted into it.
    pub(crate) volumes: Option<Vec<RawNfsVolume>>,
    /// Snapshots taken on the way.
    pub(crate) snapshots: Option<RawSnapshots>,
    /// Ports of its services, `outside:inside`.
    pub(crate) ports: Option<OneOrMany<Label>>,
    /// Its Proxmox firewall.
    pub(crate) firewall: Option<RawFirewall>,
    /// Name under which the gateway offers it.
    pub(crate) traefik_service: Option<RawRoute>,
    /// What must answer before it counts as healthy. `health_checks` is the same.
    pub(crate) health_check: Option<OneOrMany<RawCheck>>,
    /// What must answer before it counts as healthy.
    pub(crate) health_checks: Option<OneOrMany<RawCheck>>,
    /// What the health monitor asks it, beside what its features imply.
    pub(crate) probes: Option<Vec<RawProbe>>,
    /// How the health monitor treats it.
    pub(crate) health: Option<RawHealth>,
}

/// The user that Cloud-Init creates.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawUser {
    /// Login name.
    pub(crate) username: Option<String>,
    /// Reference to the secret that holds the password's hash, `secret://…`.
    pub(crate) password_hash: Option<String>,
    /// Public key that may log in.
    pub(crate) ssh_public_key: Option<String>,
}

/// A directory of an NFS server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawNfsVolume {
    /// Always `nfs`.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// Label.
    pub(crate) name: Option<String>,
    /// The server.
    pub(crate) server: Option<String>,
    /// The directory it exports.
    pub(crate) path: Option<String>,
    /// Where inside.
    pub(crate) mount_point: Option<String>,
}

/// Snapshots taken on the way.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawSnapshots {
    /// Taken before the features.
    #[serde(alias = "pre-features")]
    pub(crate) pre_features: Option<String>,
    /// Taken after the features.
    #[serde(alias = "post-features")]
    pub(crate) post_features: Option<String>,
}
