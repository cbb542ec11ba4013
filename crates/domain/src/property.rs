//! What the host keeps about a guest and can be told to change in one go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AppArmor, Body, Boot, Firewall, GpuSet, GuestSpec, Hostname, IdMap, Kind, MebiBytes, Nic,
    RawLine, SpecDigest, User,
};

/// One property of a guest, with the value it should have or has.
///
/// The host is told all that differ at once: a call costs a second, whatever it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// The host name.
    Name(Hostname),
    /// CPU cores; absent means all of the host.
    Cores(Option<u32>),
    /// The limit of memory.
    Memory(MebiBytes),
    /// The limit of swap; absent leaves Proxmox's default.
    Swap(Option<MebiBytes>),
    /// The network interfaces, `net0` first.
    Nics(Vec<Nic>),
    /// When and in which order it starts.
    Boot(Boot),
    /// The GPUs it may use.
    Gpus(GpuSet),
    /// Its firewall.
    Firewall(Firewall),
    /// Proxmox's own features (`nesting`, `keyctl` …) and their values.
    Options(BTreeMap<Box<str>, Box<str>>),
    /// What confines it.
    Confinement {
        /// The AppArmor profile.
        profile: AppArmor,
        /// Whether AppArmor's own nesting rules are added.
        nesting: bool,
    },
    /// Raw lines of the LXC config.
    RawLines(Vec<RawLine>),
    /// Ids that are not mapped as usual.
    IdMaps(Vec<IdMap>),
    /// The user that Cloud-Init makes.
    User(Option<User>),
    /// The spec it was made for, which our mark on it names; absent where that cannot be read.
    Spec(Option<SpecDigest>),
}

impl GuestSpec {
    /// Returns every property the host should keep about this guest.
    pub fn properties(&self) -> Vec<Property> {
        let mut properties = vec![
            Property::Name(self.name.clone()),
            Property::Cores(self.cores),
            Property::Memory(self.memory),
            Property::Nics(self.nics.clone()),
            Property::Boot(self.boot.clone()),
            Property::Gpus(self.gpus.clone()),
            Property::Firewall(self.firewall.clone()),
            Property::Spec(Some(self.made_for())),
        ];
        match &self.body {
            Body::Container(container) => properties.extend([
                Property::Swap(container.swap),
                Property::Options(container.options.clone()),
                Property::Confinement {
                    profile: container.apparmor.clone(),
                    nesting: container.apparmor_nesting,
                },
                Property::RawLines(container.raw_lines.clone()),
                Property::IdMaps(container.id_maps.clone()),
            ]),
            Body::Machine(machine) => properties.push(Property::User(machine.user.clone())),
        }
        properties
    }
}

impl Property {
    /// Returns what people call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Cores(_) => "cores",
            Self::Memory(_) => "memory",
            Self::Swap(_) => "swap",
            Self::Nics(_) => "network",
            Self::Boot(_) => "start at boot",
            Self::Gpus(_) => "GPUs",
            Self::Firewall(_) => "firewall",
            Self::Options(_) => "options",
            Self::Confinement { .. } => "AppArmor profile",
            Self::RawLines(_) => "raw LXC lines",
            Self::IdMaps(_) => "id maps",
            Self::User(_) => "user",
            Self::Spec(_) => "spec",
        }
    }

    /// Returns the spec that a mark names.
    pub fn spec(&self) -> Option<&SpecDigest> {
        match self {
            Self::Spec(spec) => spec.as_ref(),
            Self::Name(_)
            | Self::Cores(_)
            | Self::Memory(_)
            | Self::Swap(_)
            | Self::Nics(_)
            | Self::Boot(_)
            | Self::Gpus(_)
            | Self::Firewall(_)
            | Self::Options(_)
            | Self::Confinement { .. }
            | Self::RawLines(_)
            | Self::IdMaps(_)
            | Self::User(_) => None,
        }
    }

    /// Says whether it reaches a running guest only when that is started anew.
    pub fn needs_restart(&self) -> bool {
        match self {
            Self::Name(_)
            | Self::Options(_)
            | Self::Confinement { .. }
            | Self::RawLines(_)
            | Self::IdMaps(_)
            | Self::Gpus(_)
            | Self::User(_) => true,
            Self::Cores(_)
            | Self::Memory(_)
            | Self::Swap(_)
            | Self::Nics(_)
            | Self::Boot(_)
            | Self::Firewall(_)
            | Self::Spec(_) => false,
        }
    }

    /// Says the same of a guest of this kind: a machine does not get cores or memory while it runs.
    pub fn waits_in(&self, kind: Kind) -> bool {
        let is_hardware = matches!(self, Self::Cores(_) | Self::Memory(_));
        self.needs_restart() || (kind == Kind::Machine && is_hardware)
    }
}
