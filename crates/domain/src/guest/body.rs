//! What only containers or only machines have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{MebiBytes, ProfileName, SecretName, SnapshotName};

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl Default for Container {
    fn default() -> Self {
        Self {
            unprivileged: true,
            swap: None,
            options: BTreeMap::new(),
            apparmor: AppArmor::Generated,
            apparmor_nesting: false,
            raw_lines: Vec::new(),
            id_maps: Vec::new(),
            portainer_role: None,
        }
    }
}
