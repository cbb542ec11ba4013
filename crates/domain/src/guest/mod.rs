//! What one guest should be.

mod body;
mod brings;
mod firewall;
mod irreplaceable;
mod service;
mod volume;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::health::{Care, Declared};
use crate::{
    FeatureName, FileName, GibiBytes, GpuSet, Hostname, MebiBytes, Nic, NodeName, Parameters,
    SecretRef, SnapshotName, SpecDigest, StorageId, Upstream, Vmid,
};

pub use self::body::{AppArmor, Body, Container, IdMap, Machine, RawLine, User};
pub use self::brings::Brings;
pub use self::firewall::{Firewall, FirewallAction, FirewallRule, TrafficDirection};
pub use self::irreplaceable::Irreplaceable;
pub use self::service::{Check, ModelServer, PortMapping, Route, TestScript};
pub use self::volume::{Volume, VolumeSource};

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
    /// The script and the features themselves, as far as they lay beside its configuration.
    #[serde(default, skip_serializing_if = "Brings::is_empty")]
    pub brings: Brings,
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
    /// What the health monitor asks it beside what it implies, in place of that, or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Declared>,
    /// How the health monitor treats it.
    #[serde(default, skip_serializing_if = "Care::is_usual")]
    pub health: Care,
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
    /// What Proxmox gives a guest that says nothing about memory.
    pub const DEFAULT_MEMORY: MebiBytes = MebiBytes(512);

    /// Returns a guest of which nothing is wanted but that it is there.
    pub fn plain(vmid: Vmid, name: Hostname, origin: Origin, root_disk: Disk, body: Body) -> Self {
        Self {
            vmid,
            name,
            node: None,
            origin,
            seal: None,
            cores: None,
            memory: Self::DEFAULT_MEMORY,
            root_disk,
            nics: Vec::new(),
            boot: Boot::default(),
            features: Vec::new(),
            parameters: Parameters::new(),
            secrets: BTreeMap::new(),
            application_script: None,
            brings: Brings::default(),
            gpus: GpuSet::default(),
            volumes: Vec::new(),
            ports: Vec::new(),
            firewall: Firewall::default(),
            checks: Vec::new(),
            probes: Vec::new(),
            health: Care::default(),
            tests: BTreeMap::new(),
            dependencies: Vec::new(),
            model_server: None,
            route: None,
            body,
            upstreams: Vec::new(),
        }
    }

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

    /// Returns the digest of all that decides how it is made. Who watches over it afterwards is no
    /// part of that, so its host has nothing to do when only that is changed. Nor is what is brought
    /// along: of that the receipts in it tell.
    pub fn made_for(&self) -> SpecDigest {
        let (brings, probes, health) = (Brings::default(), Vec::new(), Care::default());
        SpecDigest::of(&Self { brings, probes, health, ..self.clone() })
    }

    /// Returns the features of it that keep data which somebody would miss.
    pub fn keepers(&self) -> impl Iterator<Item = &FeatureName> {
        let keeps =
            |name: &str| matches!(name, "qdrant" | "postgresql" | "redis" | "portainer" | "n8n");
        self.features.iter().filter(move |feature| keeps(feature.as_str()))
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::PackName;

    /// Returns a guest that says nothing but what it stands on.
    pub(crate) fn bare(vmid: u64, parent: Option<u64>, dependencies: &[u64]) -> GuestSpec {
        let id = |number| Vmid::try_from(number).unwrap();
        let origin = match parent {
            Some(parent) => Origin::Clone { parent: id(parent) },
            None => Origin::Template { archive: "debian.tar.zst".into() },
        };
        let root_disk = Disk { storage: "local".parse().unwrap(), size: GibiBytes(4) };
        let name = format!("guest-{vmid}").parse().unwrap();
        let body = Body::Container(Container::default());
        GuestSpec {
            dependencies: dependencies.iter().copied().map(id).collect(),
            ..GuestSpec::plain(id(vmid), name, origin, root_disk, body)
        }
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
    fn who_watches_over_a_guest_is_part_of_the_spec_and_of_nothing_that_is_made() {
        let without = bare(950, None, &[]);
        let mut with = without.clone();
        with.probes = vec![Declared::Off("qdrant".into())];
        with.health.start_deadline = Some(600);

        let written = serde_json::to_string(&with).unwrap();

        assert_eq!(serde_json::from_str::<GuestSpec>(&written).unwrap(), with);
        assert_ne!(SpecDigest::of(&with), SpecDigest::of(&without));
        assert_eq!(with.made_for(), without.made_for());
        assert_eq!(without.made_for(), SpecDigest::of(&without), "marks that are there stay");
        assert_eq!(with.properties(), without.properties());
        assert_eq!((with.contents(), with.service()), (without.contents(), without.service()));
    }

    #[test]
    fn what_is_brought_along_decides_what_is_in_a_guest_and_not_how_it_is_made() {
        let without = bare(950, None, &[]);
        let mut with = without.clone();
        with.brings.script = Some(PackName::of(b"echo"));
        let mut other = without.clone();
        other.brings.script = Some(PackName::of(b"true"));

        let written = serde_json::to_string(&with).unwrap();

        assert_eq!(serde_json::from_str::<GuestSpec>(&written).unwrap(), with);
        assert_ne!(SpecDigest::of(&with), SpecDigest::of(&without));
        assert_ne!(SpecDigest::of(&with), SpecDigest::of(&other));
        assert_eq!(with.made_for(), without.made_for());
        assert_ne!(with.contents(), without.contents());
        assert_ne!(with.contents(), other.contents());
        assert_ne!(with.service(), other.service());
    }

    #[test]
    fn a_guest_that_is_given_nothing_is_written_as_it_was_before_it_could_be() {
        let written = serde_json::to_value(bare(950, None, &[])).unwrap();

        for key in ["parameters", "secrets", "probes", "health", "brings"] {
            assert!(written.get(key).is_none(), "{key}");
        }
    }
}
