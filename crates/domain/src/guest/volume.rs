//! What is mounted into a guest.

use serde::{Deserialize, Serialize};

use crate::{AbsolutePath, GibiBytes, StorageId, VolumeName};

/// Something mounted into a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// What is mounted.
    pub source: VolumeSource,
    /// Where inside. It is the identity of the volume: two at one place are a mistake.
    pub place: AbsolutePath,
}

impl Volume {
    /// Says whether it is the guest's own, out of a storage.
    pub fn is_own(&self) -> bool {
        match self.source {
            VolumeSource::Storage { .. } => true,
            VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => false,
        }
    }
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
