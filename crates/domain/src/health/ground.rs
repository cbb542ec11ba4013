//! What guests stand on, and what a trouble is put down to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::{BridgeName, GuestKey, NodeName, StorageId, Vmid};

/// What several guests stand on. What comes first holds up what comes later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", content = "at", rename_all = "kebab-case")]
pub enum Ground {
    /// Everything there is.
    Fleet,
    /// A host.
    Host(NodeName),
    /// A bridge of a host.
    Bridge(NodeName, BridgeName),
    /// A storage of a host.
    Storage(NodeName, StorageId),
    /// A GPU of a host.
    Gpu(NodeName, u8),
    /// The template guests were cloned from.
    Template(Vmid),
    /// A guest others depend on.
    Guest(GuestKey),
}

/// What a trouble is put down to. There is one incident for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", content = "at", rename_all = "kebab-case")]
pub enum Root {
    /// The monitor itself.
    Monitor,
    /// Repairs that do not help.
    Breaker,
    /// What several guests stand on.
    Ground(Ground),
    /// A guest of its own.
    Guest(GuestKey),
}

impl Ground {
    /// Returns the host it is a part of.
    pub fn host(&self) -> Option<&NodeName> {
        match self {
            Self::Host(host)
            | Self::Bridge(host, _)
            | Self::Storage(host, _)
            | Self::Gpu(host, _) => Some(host),
            Self::Fleet | Self::Template(_) | Self::Guest(_) => None,
        }
    }

    /// Returns what is said of those who stand on it while it is not well.
    pub(super) fn shadow(&self) -> Reason {
        match self {
            Self::Host(_) => Reason::HostSilent,
            Self::Gpu(..)
            | Self::Fleet
            | Self::Bridge(..)
            | Self::Storage(..)
            | Self::Template(_)
            | Self::Guest(_) => Reason::Foundation,
        }
    }

    /// Returns what is said of it itself while it is not well.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Host(_) => Reason::HostSilent,
            Self::Gpu(..) => Reason::GpuBroken,
            Self::Fleet
            | Self::Bridge(..)
            | Self::Storage(..)
            | Self::Template(_)
            | Self::Guest(_) => Reason::Foundation,
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("the fleet"),
            Self::Host(host) => write!(f, "host {host}"),
            Self::Bridge(host, bridge) => write!(f, "bridge {bridge} of {host}"),
            Self::Storage(host, storage) => write!(f, "storage {storage} of {host}"),
            Self::Gpu(host, index) => write!(f, "GPU {index} of {host}"),
            Self::Template(vmid) => write!(f, "template {vmid}"),
            Self::Guest(guest) => write!(f, "guest {}", guest.vmid),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Monitor => f.write_str("the monitor"),
            Self::Breaker => f.write_str("the breaker"),
            Self::Ground(ground) => ground.fmt(f),
            Self::Guest(guest) => write!(f, "guest {}", guest.vmid),
        }
    }
}
