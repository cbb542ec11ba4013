//! Why a machine cannot be told what it should be.

use phoenix_domain::{Verdict, Vmid};
use thiserror::Error;

/// Why a machine cannot be told what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SeedError {
    /// Only machines are told.
    #[error("{vmid} is no virtual machine, and has no Cloud-Init")]
    NoMachine {
        /// The guest.
        vmid: Vmid,
    },
    /// No Linux has such a user.
    #[error("{vmid}: {name:?} cannot be a user")]
    NoUser {
        /// The guest.
        vmid: Vmid,
        /// The name.
        name: String,
    },
    /// What stands in place of a key is none.
    #[error("{vmid}: the SSH key of user {name} is no public key: {why}")]
    NoKey {
        /// The guest.
        vmid: Vmid,
        /// The user.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What is kept as the hash of a password is none, or a weak one. It is not shown: it may be the
    /// password.
    #[error("{vmid}: what is kept as the password hash of user {name} is no hash that may be used")]
    NoHash {
        /// The guest.
        vmid: Vmid,
        /// The user.
        name: String,
    },
    /// Nobody could tell its interfaces apart.
    #[error("{vmid}: interface {nth} of several has no MAC address")]
    NoMac {
        /// The guest.
        vmid: Vmid,
        /// Which, as Proxmox counts.
        nth: usize,
    },
    /// Cloud-Init cannot be told to mount it.
    #[error("{vmid}: what is mounted at {place:?} has a blank in its name, here or on its server")]
    NoMount {
        /// The guest.
        vmid: Vmid,
        /// Where it is mounted.
        place: String,
    },
    /// It cannot be written as JSON.
    #[error("the seed cannot be written")]
    NotWritten,
}

impl SeedError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            // Somebody may put another one there.
            Self::NoHash { .. } => Verdict::AskHuman,
            Self::NoMachine { .. }
            | Self::NoUser { .. }
            | Self::NoKey { .. }
            | Self::NoMac { .. }
            | Self::NoMount { .. }
            | Self::NotWritten => Verdict::GiveUp,
        }
    }

    /// Returns what a human can do.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::NoHash { .. } => Some(
                "keep what `openssl passwd -6` or `mkpasswd --method=yescrypt` prints: it begins with \
                 $6$, $5$, $y$ or $2b$",
            ),
            Self::NoUser { .. } => Some(
                "a user is called by lower-case letters, digits, `_` and `-`, at most 32, and is not root",
            ),
            Self::NoKey { .. } => Some("give the line of the .pub file, as `ssh-keygen` made it"),
            Self::NoMac { .. } => Some("give every interface of the machine a `mac_address`"),
            Self::NoMount { .. } => Some("rename it"),
            Self::NoMachine { .. } | Self::NotWritten => None,
        }
    }
}
