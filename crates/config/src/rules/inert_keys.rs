//! Keys that mean something to somebody and have no effect here, each with what to do about it.
//!
//! Every key that ever was in these files is either read (`crate::raw`) or listed here, so that
//! what is left over is a mistake.

use std::collections::BTreeMap;

use super::{Rule, firewall_misplaced, keys};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::{File, Segment};
use crate::rules::keys::Level;
use crate::scene::{Ignored, Scene};

static CODE: Code = code!("0802", Note, "keys have no effect");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// Why a key has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Nothing ever acted on it, or something else says it.
    Useless,
    /// Another key took its place.
    Replaced,
    /// It belongs to something this version does not do.
    Later,
}

/// A key without effect: where, the way to it, why, and what to do.
type Inert = (Level, &'static str, Why, &'static str);

use Level::{Container, Host, Machine, VmHead};
use Why::{Later, Replaced, Useless};

const STORE: &str = "secrets come from a secret store";
const SUITES: &str = "`tests` names the suites of a guest";
const PORTAINER: &str = "set by Portainer itself for now";
const SWARM: &str = "no swarm is formed yet";
const DNS: &str = "no DNS server is set up yet";
const STACKS: &str = "no stacks are deployed yet";
const ARGUMENT: &str = "write it into `vllm_args`";
const TO_VM_FILE: &str = "machines stand in `phoenix_vm_configs.json`";

/// `*` stands for any name, `[]` for any position. A key stands for all that is below it.
#[rustfmt::skip]
const INERT: &[Inert] = &[
    (Host, "behavior.debug_mode", Useless, "`--verbose` shows more"),
    (Host, "behavior.rollback_on_failure", Useless, "what failed is kept and taken up again"),
    (Host, "behavior", Useless, "the command line says how to behave"),
    (Host, "core_paths.docker_images_path", Useless, "nothing is built from it"),
    (Host, "core_paths.docker_token_file", Useless, STORE),
    (Host, "core_paths.hf_token_file", Useless, STORE),
    (Host, "core_paths.hypervisor_marker", Useless, "the host itself shows what is done"),
    (Host, "core_paths.hypervisor_marker_dir", Useless, "the host itself shows what is done"),
    (Host, "core_paths.lxc_config_schema_file", Useless, "the schema is built in"),
    (Host, "dns_server", Later, DNS),
    (Host, "docker", Useless, "features name their images"),
    (Host, "mount_point_base", Useless, "Proxmox knows where its storages are"),
    (Host, "network.default_subnet", Useless, "`network.interfaces.address` says it"),
    (Host, "network.external_registry_url", Useless, "images are named with their registry"),
    (Host, "network.fallback_dns", Useless, "`network.interfaces.dns_nameservers` lists them all"),
    (Host, "network.macvlan_vlan_tag", Later, "no VLANs are made yet"),
    (Host, "network.nfs_server", Useless, "the host is the server; a volume names its own"),
    (Host, "network.portainer_agent_port", Later, PORTAINER),
    (Host, "network.portainer_server_ip", Later, PORTAINER),
    (Host, "network.portainer_server_port", Later, PORTAINER),
    (Host, "network.public_bridge", Useless, "`network.interfaces.name` says it"),
    (Host, "network.public_vlan_tag", Later, "no VLANs are made yet"),
    (Host, "network.workgroup", Later, "the share keeps Samba's own workgroup"),
    (Host, "nfs.shares", Replaced, "write `nfs.exports`, with `clients` and a list of `options`"),
    (Host, "nvidia", Replaced, "write `nvidia_driver`"),
    (Host, "nvidia_driver.cuda_version", Useless, "the feature `nvidia` brings its own"),
    (Host, "nvidia_driver.install_vllm_libs", Useless, "the feature `vllm` brings its own"),
    (Host, "portainer_api", Later, PORTAINER),
    (Host, "proxmox_defaults", Useless, "each guest says what it has"),
    (Host, "samba.shares.[].options", Useless, "shares are writable for `valid_users`"),
    (Host, "shared_volumes.*.owner", Replaced, "`mount_points` of a container have `owner_uid` and `owner_gid`"),
    (Host, "shared_zfs_volumes.*.mount_point", Useless, "the volume is a disk without a file system"),
    (Host, "shared_zfs_volumes.*.mounts", Replaced, "write `zfs_volumes` in the container, or `shared_volumes` for a directory: a disk that two guests mount is lost"),
    (Host, "step_ca", Later, "no certificate authority is set up yet"),
    (Host, "tests", Useless, SUITES),
    (Host, "vm_defaults", Replaced, TO_VM_FILE),
    (Host, "vms", Replaced, TO_VM_FILE),
    (Host, "zfs.arc_max", Replaced, "write `zfs.arc_max_gb`"),
    (Host, "zfs.dataset_storage_types", Replaced, "each of `zfs.datasets` has a `proxmox_storage_type`"),
    (Host, "zfs.datasets.[].storage_class", Useless, "`proxmox_storage_type` says what it is"),
    (Host, "zfs.settings", Useless, "no config can allow disks to be wiped"),
    (Container, "balloon_min_mb", Useless, "containers have no balloon; `memory_mb` is their limit"),
    (Container, "bootstrap_ca_url", Later, "no certificate authority is set up yet"),
    (Container, "enable_lifecycle_snapshots", Replaced, "`template_snapshot_name` names the snapshot to leave"),
    (Container, "integration_tests", Replaced, SUITES),
    (Container, "nvidia_pci_ids", Useless, "`gpu_assignment` says which GPUs"),
    (Container, "public_interface", Replaced, "write `secondary_network_config`"),
    (Container, "run_integration_tests", Useless, SUITES),
    (Container, "static_ip", Useless, "`network_config.ip` says it"),
    (Container, "trigger_sync_on_completion", Later, "nothing is synchronized yet"),
    (Container, "vllm", Replaced, "a suite of tests belongs into `tests`"),
    (Container, "vllm_api_port", Replaced, "write `vllm_port`"),
    (Container, "vllm_attention_backend", Replaced, ARGUMENT),
    (Container, "vllm_dtype", Replaced, ARGUMENT),
    (Container, "vllm_gpu_count", Replaced, "write `gpu_assignment`"),
    (Container, "vllm_kv_cache_dtype", Replaced, ARGUMENT),
    (Container, "vllm_nccl_so_path", Useless, "the feature `vllm` brings its own"),
    (Container, "vllm_quantization_config_type", Replaced, "write `vllm_quantization`"),
    (Container, "vllm_shm_size", Useless, "a container shares the memory of its guest"),
    (VmHead, "vm_defaults.template", Useless, "each machine has a `template_image` or a parent"),
    (Machine, "dns_records", Later, DNS),
    (Machine, "docker_compose_files", Later, STACKS),
    (Machine, "docker_firewall_rules", Later, "no rules are written inside of machines yet"),
    (Machine, "docker_stacks", Later, STACKS),
    (Machine, "mount_points", Replaced, "machines have `volumes` of an NFS server"),
    (Machine, "node_labels", Later, SWARM),
    (Machine, "portainer_admin_password", Later, PORTAINER),
    (Machine, "portainer_admin_user", Later, PORTAINER),
    (Machine, "portainer_agent_hostname", Later, PORTAINER),
    (Machine, "portainer_config", Later, PORTAINER),
    (Machine, "portainer_environment_name", Later, PORTAINER),
    (Machine, "portainer_role", Later, PORTAINER),
    (Machine, "qm_options", Later, "no options are passed on to `qm` yet"),
    (Machine, "swarm_role", Later, SWARM),
    (Machine, "trigger_sync_on_completion", Later, "nothing is synchronized yet"),
];

/// Returns why a key has no effect and what to do, if it is known to have none.
fn inert(ignored: &Ignored) -> Option<&'static Inert> {
    let level = Level::of(&ignored.place);
    INERT.iter().find(|(at, pattern, _, _)| *at == level && matches(pattern, &ignored.place.path))
}

/// Says whether a key is known to have no effect.
pub(super) fn is_inert(ignored: &Ignored) -> bool {
    inert(ignored).is_some()
}

/// Says whether a way goes to what a pattern names, or below it.
fn matches(pattern: &str, path: &[Segment]) -> bool {
    let mut path = path.iter();
    pattern.split('.').all(|part| match (part, path.next()) {
        ("*", Some(Segment::Key(_))) | ("[]", Some(Segment::Index(_))) => true,
        (part, Some(Segment::Key(key))) => part == key,
        (_, Some(Segment::Index(_)) | None) => false,
    })
}

/// Keys by their patterns, each with what to do and who has it.
type Keys<'s> = BTreeMap<&'static str, (&'static str, keys::Holders<'s>)>;

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut folded: BTreeMap<(File, Why), Keys<'_>> = BTreeMap::new();
    for group in keys::alike(scene) {
        let Some((_, pattern, why, remedy)) = inert(group.first) else { continue };
        if firewall_misplaced::is_firewall(group.first) {
            continue;
        }
        let keys = folded.entry((group.first.place.file, *why)).or_default();
        let (_, holders) =
            keys.entry(pattern).or_insert_with(|| (remedy, keys::Holders::default()));
        holders.join(group);
    }
    for ((file, why), keys) in folded {
        let Some(place) = keys.values().find_map(|(_, holders)| holders.first()) else {
            continue;
        };
        let (these, have) = if keys.len() == 1 {
            ("1 key", "has")
        } else {
            (&*format!("{} keys", keys.len()), "have")
        };
        let message = match why {
            Why::Useless => {
                format!("{these} of {} {have} no effect and can be removed", file.name())
            }
            Why::Replaced => {
                format!("{these} of {} {have} no effect: written in another way now", file.name())
            }
            Why::Later => format!("{these} of {} {have} no effect yet, and may stay", file.name()),
        };
        let mut finding = Finding::new(&CODE, place.clone().named(), message);
        for (key, (remedy, holders)) in &keys {
            finding = match holders.called() {
                Some(guests) => finding.help(format!("`{key}` of {guests}: {remedy}")),
                None => finding.help(format!("`{key}`: {remedy}")),
            };
        }
        findings.add(finding);
    }
}
