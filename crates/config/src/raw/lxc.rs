//! `phoenix_lxc_configs.json`: the containers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::given::{Named, RawSetting};
use super::lenient::{Label, ListOrText, ObjectOrText, OneOrMany, Whole};
use super::shared::{RawCheck, RawFirewall, RawHealth, RawNic, RawProbe, RawRoute, RawTest};

/// What `phoenix_lxc_configs.json` says besides its containers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawLxcHead {
    /// Where the schema of this file is; for editors.
    #[serde(rename = "$schema")]
    pub(crate) schema: Option<String>,
    /// NVIDIA driver version inside of GPU containers; it must be that of the host.
    pub(crate) nvidia_driver_version: Option<String>,
    /// Base address of the CUDA package repository.
    pub(crate) nvidia_repo_url: Option<String>,
    /// Address of the NVIDIA installer that is run in GPU containers.
    pub(crate) nvidia_runfile_url: Option<String>,
}

/// One container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawContainer {
    /// Host name. It must be unique and a DNS name.
    pub(crate) name: Option<String>,
    /// Proxmox node it lives on; needed only where there are several.
    pub(crate) node: Option<String>,
    /// Limit of memory in MiB. Default: 512.
    pub(crate) memory_mb: Option<Whole>,
    /// Limit of swap in MiB. Absent leaves Proxmox's default, 512.
    #[serde(alias = "swap")]
    pub(crate) swap_mb: Option<Whole>,
    /// CPU cores. Absent means all cores of the host.
    pub(crate) cores: Option<Whole>,
    /// Archive of a root file system to make it from, unless it is a clone.
    pub(crate) template: Option<String>,
    /// Archive of our own to make it from, unless it is a clone.
    pub(crate) template_file: Option<String>,
    /// Container it is cloned from.
    #[serde(alias = "clone_from_template_ctid")]
    pub(crate) clone_from_ctid: Option<Label>,
    /// Snapshot it leaves at the end, for others to be cloned from.
    pub(crate) template_snapshot_name: Option<String>,
    /// Whether it is turned into a Proxmox template at the end and never runs again.
    pub(crate) is_template: Option<bool>,
    /// Storage of the root disk. Absent in a clone means that of its parent.
    pub(crate) storage_pool: Option<String>,
    /// Size of the root disk in GiB; it only ever grows. Absent in a clone means that of its parent.
    pub(crate) storage_size_gb: Option<Whole>,
    /// First network interface: an object, or `address/prefix,gateway,resolver` in one text.
    pub(crate) network_config: Option<ObjectOrText<RawNic>>,
    /// Second network interface.
    pub(crate) secondary_network_config: Option<RawNic>,
    /// MAC address of the first interface. Absent, Proxmox invents one.
    pub(crate) mac_address: Option<String>,
    /// Features to install, in this order; names of folders of the feature library. One text of
    /// `key=value` pairs is an older spelling of `pct_options`.
    pub(crate) features: Option<ListOrText>,
    /// What is set of those features: by feature, by parameter. What is not said is what the
    /// feature's own manifest says.
    pub(crate) feature_parameters: Option<Named<Named<RawSetting>>>,
    /// Secrets its features and scripts may ask for, by the names under which they ask: references
    /// (`secret://path/of/it`, with `#key` for one key of it), never values.
    pub(crate) secrets: Option<Named<String>>,
    /// GPUs it may use, by index: `none`, `0`, `0,1`.
    pub(crate) gpu_assignment: Option<OneOrMany<Label>>,
    /// Whether root inside is an ordinary user outside. It cannot be changed later. Default: true.
    pub(crate) unprivileged: Option<bool>,
    /// Script that sets up the application, run inside at the end.
    #[serde(alias = "setup_script")]
    pub(crate) application_script: Option<String>,
    /// Guests that must be there before this one.
    pub(crate) dependencies: Option<OneOrMany<Label>>,
    /// Whether it starts with the host. Default: false.
    pub(crate) start_at_boot: Option<bool>,
    /// Place in the order of starting, lowest first.
    pub(crate) boot_order: Option<Whole>,
    /// Seconds to wait before the next guest starts.
    pub(crate) boot_delay: Option<Whole>,
    /// AppArmor profile: `unconfined`, or the name of one of ours. Absent means the one Proxmox
    /// generates.
    pub(crate) apparmor_profile: Option<String>,
    /// Whether AppArmor's own nesting rules are added to a named profile. Default: false.
    pub(crate) apparmor_manages_nesting: Option<bool>,
    /// Proxmox features: `nesting=1`, `keyctl=1`, `fuse=1`, `mknod=1`, `mount=nfs`.
    pub(crate) pct_options: Option<OneOrMany<String>>,
    /// Raw lines of the LXC config, `key=value`.
    pub(crate) lxc_options: Option<OneOrMany<String>>,
    /// Ids that are not mapped to the host as usual.
    pub(crate) id_maps: Option<Vec<RawIdMap>>,
    /// Volumes of its own, out of a storage.
    pub(crate) volumes: Option<Vec<RawVolume>>,
    /// Volumes out of a ZFS storage; the same as `volumes`.
    pub(crate) zfs_volumes: Option<Vec<RawVolume>>,
    /// Directories of the host mounted into it.
    pub(crate) mount_points: Option<Vec<RawMountPoint>>,
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
    /// Suites of test scripts by name; those of `health_checks` are health checks too.
    pub(crate) tests: Option<BTreeMap<String, Vec<RawTest>>>,
    /// Role in Portainer: `server`, `agent` or `none`.
    pub(crate) portainer_role: Option<String>,
    /// Model that its vLLM serves: a name on the hub, or a path.
    pub(crate) vllm_model: Option<String>,
    /// Name the model is offered under.
    pub(crate) vllm_served_model_name: Option<String>,
    /// `chat` or `embedding`: which question shows that it serves.
    pub(crate) vllm_model_type: Option<String>,
    /// Port of vLLM. Absent means the inside of the first of `ports`.
    pub(crate) vllm_port: Option<Whole>,
    /// Arguments of vLLM. Where they say something, they win over the keys below.
    pub(crate) vllm_args: Option<Vec<Label>>,
    /// Share of a GPU's memory that vLLM takes, `--gpu-memory-utilization`.
    pub(crate) vllm_gpu_memory_utilization: Option<f64>,
    /// GPUs one model is spread over, `--tensor-parallel-size`.
    pub(crate) vllm_tensor_parallel_size: Option<Whole>,
    /// Context length in tokens, `--max-model-len`.
    pub(crate) vllm_max_model_len: Option<Whole>,
    /// Quantization, `--quantization`.
    pub(crate) vllm_quantization: Option<String>,
    /// Whether code of the model may run, `--trust-remote-code`.
    pub(crate) vllm_trust_remote_code: Option<bool>,
    /// Further engine arguments by name.
    pub(crate) vllm_parameters: Option<BTreeMap<String, RawScalar>>,
    /// Engine arguments in sections (`ModelConfig`, `CacheConfig` …); every leaf is an argument.
    pub(crate) vllm_engine_config: Option<BTreeMap<String, BTreeMap<String, RawScalar>>>,
}

/// A text, number or truth value.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct RawScalar(#[schemars(schema_with = "scalar")] pub(crate) serde_json::Value);

fn scalar(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "title": "a text, number or truth value" })
}

/// A volume out of a storage.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawVolume {
    /// Label.
    pub(crate) name: Option<String>,
    /// Proxmox storage id.
    pub(crate) pool: Option<String>,
    /// Size in GiB; it only ever grows.
    pub(crate) size_gb: Option<Whole>,
    /// Where inside.
    pub(crate) mount_point: Option<String>,
}

/// A directory of the host mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawMountPoint {
    /// Directory on the host.
    pub(crate) host_path: Option<String>,
    /// Where inside.
    pub(crate) container_path: Option<String>,
    /// User id inside that owns it.
    pub(crate) owner_uid: Option<Whole>,
    /// Group id inside that owns it.
    pub(crate) owner_gid: Option<Whole>,
}

/// A range of ids that is mapped in its own way.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawIdMap {
    /// `uid` or `gid`.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// First id on the host.
    pub(crate) host_id: Option<Whole>,
    /// First id in the container.
    pub(crate) container_id: Option<Whole>,
    /// How many.
    pub(crate) size: Option<Whole>,
}
