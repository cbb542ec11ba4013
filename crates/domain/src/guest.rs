//! What one guest should be.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    AbsolutePath, FeatureName, FileName, GibiBytes, GpuSet, Hostname, MebiBytes, Nic, NodeName,
    Parameters, ProfileName, SecretName, SecretRef, SnapshotName, SpecDigest, StorageId, Upstream,
    Vmid, VolumeName,
};

/// Everything that is wanted of one guest, with every default filled in.
///
/// It is what a job carries, so it holds the names of secrets and never a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuestSpec {
    /// The number.
    pub vmid: Vmid,
    /// The host name.
    pub name: Hostname,
    /// The node it lives on; absent where there is only one.
    pub node: Option<NodeName>,
    /// Where its root disk comes from.
    pub origin: Origin,
    /// What it leaves for others to be cloned from.
    pub seal: Option<Seal>,
    /// CPU cores; absent means all of the host.
    pub cores: Option<u32>,
    /// The limit of memory.
    pub memory: MebiBytes,
    /// The root disk.
    pub root_disk: Disk,
    /// The network interfaces, `net0` first.
    pub nics: Vec<Nic>,
    /// When and in which order it starts.
    pub boot: Boot,
    /// Features to install, in this order.
    pub features: Vec<FeatureName>,
    /// What is set of them.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// Secrets it is given, by the names under which features and scripts ask for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<Box<str>, SecretRef>,
    /// The script that sets up the application, run last.
    pub application_script: Option<FileName>,
    /// GPUs it may use.
    pub gpus: GpuSet,
    /// Volumes and directories mounted into it.
    pub volumes: Vec<Volume>,
    /// Ports its services listen on.
    pub ports: Vec<PortMapping>,
    /// The Proxmox firewall of this guest.
    pub firewall: Firewall,
    /// What must answer before it counts as healthy.
    pub checks: Vec<Check>,
    /// Suites of tests a user may run.
    pub tests: BTreeMap<Box<str>, Vec<TestScript>>,
    /// Guests that must be there before this one.
    pub dependencies: Vec<Vmid>,
    /// The vLLM server in it.
    pub model_server: Option<ModelServer>,
    /// The name under which the gateway offers it.
    pub route: Option<Route>,
    /// What only containers or only machines have.
    pub body: Body,
    /// What it leads to, and where that is now. Whoever works on a gateway fills it in; it is no part
    /// of what was asked for.
    #[serde(skip)]
    pub upstreams: Vec<Upstream>,
}

impl GuestSpec {
    /// Returns whether this is a container or a virtual machine.
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Container(_) => Kind::Container,
            Body::Machine(_) => Kind::Machine,
        }
    }

    /// Returns the container's own part, if this is one.
    pub fn container(&self) -> Option<&Container> {
        match &self.body {
            Body::Container(container) => Some(container),
            Body::Machine(_) => None,
        }
    }

    /// Returns the machine's own part, if this is one.
    pub fn machine(&self) -> Option<&Machine> {
        match &self.body {
            Body::Machine(machine) => Some(machine),
            Body::Container(_) => None,
        }
    }

    /// Returns the guest this one is cloned from.
    pub fn parent(&self) -> Option<Vmid> {
        match self.origin {
            Origin::Clone { parent } => Some(parent),
            Origin::Template { .. } | Origin::CloudImage { .. } => None,
        }
    }

    /// Returns what must be complete before this guest: its parent, then its dependencies.
    pub fn stands_on(&self) -> impl Iterator<Item = Vmid> + '_ {
        self.parent().into_iter().chain(self.dependencies.iter().copied())
    }

    /// Returns whether it stands still once it is complete: a guest made for being cloned has no
    /// reason to run, unless its operator wants it started with the host.
    pub fn rests(&self) -> bool {
        match self.seal {
            Some(Seal::Template { .. }) => true,
            Some(Seal::Snapshot(_)) => !self.boot.at_boot,
            None => false,
        }
    }

    /// Returns the feature that serves its model. Where it has a script of its own, that does it.
    pub fn server(&self) -> Option<FeatureName> {
        self.model_server.as_ref().filter(|_| self.application_script.is_none())?;
        "vllm".parse().ok()
    }

    /// Returns the port its model is to be served on.
    pub fn model_port(&self) -> u16 {
        let said = self.model_server.as_ref().and_then(|server| server.port);
        said.or_else(|| self.ports.first().map(|port| port.inside)).unwrap_or(8000)
    }

    /// Returns the digest of all that decides whether it serves: one that was found healthy is
    /// looked at again when this is another one.
    pub fn service(&self) -> SpecDigest {
        SpecDigest::of_service(self)
    }

    /// Returns the digest of what its clones find in it.
    pub fn contents(&self) -> SpecDigest {
        SpecDigest::of_contents(self)
    }
}

/// The two kinds of guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An LXC container, `pct`.
    Container,
    /// A virtual machine, `qm`.
    Machine,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "container",
            Self::Machine => "virtual machine",
        })
    }
}

/// Where a root disk comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An archive with a root file system.
    Template {
        /// Its path or volume id, as the operator wrote it.
        archive: Box<str>,
    },
    /// Another guest.
    Clone {
        /// That guest.
        parent: Vmid,
    },
    /// A cloud image.
    CloudImage {
        /// The file name of the image.
        image: Box<str>,
    },
}

/// What a guest leaves for others to be cloned from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seal {
    /// A snapshot; clones of it are full copies.
    Snapshot(SnapshotName),
    /// The guest becomes a Proxmox template and never runs again; clones of it are linked.
    Template {
        /// A snapshot taken just before, where the operator names one.
        snapshot: Option<SnapshotName>,
    },
}

/// A disk in a storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The storage.
    pub storage: StorageId,
    /// The size.
    pub size: GibiBytes,
}

/// When and in which order a guest starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Whether it starts with the host.
    pub at_boot: bool,
    /// Its place in the order, lowest first.
    pub order: Option<u32>,
    /// Seconds to wait before the next one.
    pub delay: Option<u32>,
}

/// What only containers or only machines have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// An LXC container.
    Container(Container),
    /// A virtual machine.
    Machine(Machine),
}

/// What only containers have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Whether root inside is an ordinary user outside; fixed when the container is made.
    pub unprivileged: bool,
    /// The limit of swap; absent leaves Proxmox's default.
    pub swap: Option<MebiBytes>,
    /// Proxmox's own features (`nesting`, `keyctl` …) and their values.
    pub options: BTreeMap<Box<str>, Box<str>>,
    /// The AppArmor profile.
    pub apparmor: AppArmor,
    /// Whether AppArmor's own nesting rules are added.
    pub apparmor_nesting: bool,
    /// Raw lines of the LXC config.
    pub raw_lines: Vec<RawLine>,
    /// Ids that are not mapped as usual.
    pub id_maps: Vec<IdMap>,
    /// What it is to Portainer: `server`, `agent` or nothing.
    pub portainer_role: Option<Box<str>>,
}

/// What only virtual machines have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The user that Cloud-Init creates.
    pub user: Option<User>,
    /// A snapshot taken before the features.
    pub before_features: Option<SnapshotName>,
    /// A snapshot taken after the features.
    pub after_features: Option<SnapshotName>,
}

/// The user that Cloud-Init creates in a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The login name.
    pub name: Box<str>,
    /// The secret that holds the password's hash.
    pub password_hash: Option<SecretName>,
    /// The public key that may log in.
    pub ssh_key: Option<Box<str>>,
}

/// Which AppArmor profile confines a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppArmor {
    /// The one Proxmox generates.
    #[default]
    Generated,
    /// None at all.
    Unconfined,
    /// One of ours.
    Named(ProfileName),
}

/// One raw line of an LXC config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawLine {
    /// The key, `lxc.` included.
    pub key: Box<str>,
    /// The value, blanks included.
    pub value: Box<str>,
}

/// A range of ids that is mapped to the host in its own way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap {
    /// `true` for groups, `false` for users.
    pub group: bool,
    /// The first id inside.
    pub inside: u32,
    /// The first id outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Something mounted into a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// What is mounted.
    pub source: VolumeSource,
    /// Where inside. It is the identity of the volume: two at one place are a mistake.
    pub place: AbsolutePath,
}

/// What a mounted volume is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    /// A volume of its own, out of a storage.
    Storage {
        /// Its label.
        name: VolumeName,
        /// The storage.
        storage: StorageId,
        /// The size.
        size: GibiBytes,
    },
    /// A directory of the host.
    Host {
        /// Which.
        path: AbsolutePath,
        /// The user id inside that owns it.
        owner: Option<u32>,
        /// The group id inside that owns it.
        group: Option<u32>,
    },
    /// A directory of an NFS server.
    Nfs {
        /// The server.
        server: Box<str>,
        /// The directory it exports.
        path: AbsolutePath,
    },
}

/// A port a guest's service listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortMapping {
    /// The port people connect to.
    pub outside: u16,
    /// The port the service listens on.
    pub inside: u16,
}

/// The Proxmox firewall of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// Whether it is on.
    pub enabled: bool,
    /// The rules, first match wins.
    pub rules: Vec<FirewallRule>,
}

/// One rule of a firewall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// Which traffic it looks at.
    pub direction: TrafficDirection,
    /// What happens to it.
    pub action: FirewallAction,
    /// From where, as Proxmox writes it.
    pub source: Option<Box<str>>,
    /// To where.
    pub dest: Option<Box<str>>,
    /// The protocol.
    pub proto: Option<Box<str>>,
    /// Ports, as a list or range.
    pub port: Option<Box<str>>,
    /// The interface.
    pub iface: Option<Box<str>>,
    /// What it is for.
    pub comment: Option<Box<str>>,
}

/// The direction of traffic, seen from the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrafficDirection {
    /// Towards the guest.
    In,
    /// From the guest.
    Out,
}

/// What happens to matching traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FirewallAction {
    /// Let it through.
    Accept,
    /// Drop it silently.
    Drop,
    /// Refuse it.
    Reject,
}

/// One check of a guest's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, where it has one.
    pub name: Option<Box<str>>,
    /// What is run inside, or which script.
    pub command: Box<str>,
    /// Attempts before it counts as failed.
    pub retries: u32,
    /// Seconds between attempts.
    pub interval: u32,
}

/// One test script of a suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestScript {
    /// What it shows.
    pub name: Box<str>,
    /// The script, below the folder of tests.
    pub path: FileName,
}

/// A vLLM server and how it is started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelServer {
    /// The model.
    pub model: Box<str>,
    /// The name it is offered under.
    pub served_name: Option<Box<str>>,
    /// `chat` or `embedding`.
    pub model_type: Option<Box<str>>,
    /// The port it listens on.
    pub port: Option<u16>,
    /// The arguments that reach it, complete.
    pub arguments: Vec<Box<str>>,
}

impl ModelServer {
    /// Returns the value that follows (or is joined by `=` to) an argument such as `--dtype`.
    ///
    /// As vLLM has it: `_` is as good as `-` in the name, and the last of several wins.
    pub fn argument(&self, flag: &str) -> Option<&str> {
        let mut arguments = self.arguments.iter().map(AsRef::as_ref);
        let mut last = None;
        while let Some(argument) = arguments.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument, None),
            };
            let is_same = name.len() == flag.len()
                && name.bytes().zip(flag.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'));
            if is_same {
                last = joined.or_else(|| arguments.next()).or(last);
            }
        }
        last
    }
}

/// The name under which the gateway offers a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The label of the host name.
    pub name: Box<str>,
    /// The port of the service.
    pub port: u16,
    /// `http`, `https` or `tcp`.
    pub scheme: Option<Box<str>>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a guest that says nothing but what it stands on.
    pub(crate) fn bare(vmid: u64, parent: Option<u64>, dependencies: &[u64]) -> GuestSpec {
        let id = |number| Vmid::try_from(number).unwrap();
        GuestSpec {
            vmid: id(vmid),
            name: format!("guest-{vmid}").parse().unwrap(),
            node: None,
            origin: match parent {
                Some(parent) => Origin::Clone { parent: id(parent) },
                None => Origin::Template { archive: "debian.tar.zst".into() },
            },
            seal: None,
            cores: None,
            memory: MebiBytes(512),
            root_disk: Disk { storage: "local".parse().unwrap(), size: GibiBytes(4) },
            nics: Vec::new(),
            boot: Boot::default(),
            features: Vec::new(),
            parameters: Parameters::new(),
            secrets: BTreeMap::new(),
            application_script: None,
            gpus: GpuSet::default(),
            volumes: Vec::new(),
            ports: Vec::new(),
            firewall: Firewall::default(),
            checks: Vec::new(),
            tests: BTreeMap::new(),
            dependencies: dependencies.iter().copied().map(id).collect(),
            model_server: None,
            route: None,
            body: Body::Container(Container {
                unprivileged: true,
                swap: None,
                options: BTreeMap::new(),
                apparmor: AppArmor::Generated,
                apparmor_nesting: false,
                raw_lines: Vec::new(),
                id_maps: Vec::new(),
                portainer_role: None,
            }),
            upstreams: Vec::new(),
        }
    }

    #[test]
    fn an_argument_is_found_in_every_spelling_and_the_last_wins() {
        let server = |arguments: &[&str]| ModelServer {
            model: "m".into(),
            served_name: None,
            model_type: None,
            port: None,
            arguments: arguments.iter().map(|text| Box::from(*text)).collect(),
        };
        for arguments in [
            &["--max-model-len", "8192"][..],
            &["--max_model_len=8192"],
            &["--max-model-len", "1", "--trust-remote-code", "--max-model-len=8192"],
        ] {
            assert_eq!(server(arguments).argument("--max-model-len"), Some("8192"));
        }
        assert_eq!(server(&["--max-model-length", "1"]).argument("--max-model-len"), None);
        assert_eq!(server(&["--max-model-len"]).argument("--max-model-len"), None);
    }

    #[test]
    fn a_spec_survives_being_written_and_read() {
        let guest = bare(950, Some(920), &[953]);
        let written = serde_json::to_string(&guest).unwrap();
        assert_eq!(serde_json::from_str::<GuestSpec>(&written).unwrap(), guest);
    }

    #[test]
    fn where_secrets_are_kept_is_part_of_the_spec_and_decides_neither_contents_nor_service() {
        let without = bare(950, None, &[]);
        let mut with = without.clone();
        let kept = "secret://phoenix/prod/redis#password".parse().unwrap();
        with.secrets.insert("redis_password".into(), kept);

        let written = serde_json::to_string(&with).unwrap();

        assert_eq!(serde_json::from_str::<GuestSpec>(&written).unwrap(), with);
        assert_ne!(SpecDigest::of(&with), SpecDigest::of(&without));
        assert_eq!(with.contents(), without.contents());
        assert_eq!(with.service(), without.service());
    }

    #[test]
    fn a_guest_that_is_given_nothing_is_written_as_it_was_before_it_could_be() {
        let written = serde_json::to_value(bare(950, None, &[])).unwrap();

        assert!(written.get("parameters").is_none() && written.get("secrets").is_none());
    }
}
