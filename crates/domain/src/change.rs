//! What separates what is from what is wanted.

use crate::{
    Boot, Disk, FeatureName, FileName, GibiBytes, GpuSet, Hostname, MebiBytes, Nic, Origin,
    SnapshotName, Volume,
};

/// One change of a guest. It names a state to be in, never a difference, so that doing it twice is
/// doing it once.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Make the guest.
    Create {
        /// From what.
        origin: Origin,
        /// With which root disk.
        root_disk: Disk,
    },
    /// Give it this name.
    Rename {
        /// The name.
        to: Hostname,
    },
    /// Give it these cores; absent means all.
    SetCores {
        /// How many.
        to: Option<u32>,
    },
    /// Give it this much memory.
    SetMemory {
        /// How much.
        to: MebiBytes,
    },
    /// Give it these interfaces and no others.
    SetNetwork {
        /// The interfaces.
        to: Vec<Nic>,
    },
    /// Let it start like this.
    SetBoot {
        /// When and in which order.
        to: Boot,
    },
    /// Let it reach these GPUs and no others.
    SetGpus {
        /// The GPUs.
        to: GpuSet,
    },
    /// Mount this into it.
    Attach {
        /// What and where.
        volume: Volume,
    },
    /// Grow the root disk.
    GrowRootDisk {
        /// To this size.
        to: GibiBytes,
    },
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Install a feature.
    InstallFeature {
        /// Which.
        feature: FeatureName,
    },
    /// Run its application script.
    RunApplicationScript {
        /// Which.
        script: FileName,
    },
    /// Take a snapshot.
    TakeSnapshot {
        /// Its name.
        name: SnapshotName,
    },
    /// Turn it into a template.
    ConvertToTemplate,
}

/// The changes that separate what is from what is wanted, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan(Vec<Change>);

impl Plan {
    /// Returns the plan of a guest that is as wanted.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Says whether nothing is left to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the changes in order.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }
}

impl FromIterator<Change> for Plan {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        Self(changes.into_iter().collect())
    }
}
