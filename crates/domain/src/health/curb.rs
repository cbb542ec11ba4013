//! Why repairs were held back, in a few words that can be counted.

use serde::{Deserialize, Serialize};

use super::Hold;

/// What has held a repair back. Each is counted once for each time that a guest fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Curb {
    /// The mode: the monitor tells, and repairs nothing.
    Mode,
    /// The breaker was open.
    Breaker,
    /// It was in maintenance.
    Maintenance,
    /// Something was being done: by a worker, by a backup, or by the service itself.
    AtWork,
    /// Others failed with it, or what it stands on was not well.
    SharedCause,
    /// Too little was known: of the guest, its host or the monitor itself.
    Unsure,
    /// Others were being repaired.
    Crowd,
    /// It, or the fleet, had been repaired often enough.
    Budget,
}

impl Curb {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Mode,
        Self::Breaker,
        Self::Maintenance,
        Self::AtWork,
        Self::SharedCause,
        Self::Unsure,
        Self::Crowd,
        Self::Budget,
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Breaker => "breaker",
            Self::Maintenance => "maintenance",
            Self::AtWork => "at-work",
            Self::SharedCause => "shared-cause",
            Self::Unsure => "unsure",
            Self::Crowd => "crowd",
            Self::Budget => "budget",
        }
    }
}

impl Hold {
    /// Returns what it counts as; a pause between two repairs, and a repair itself, hold nothing back.
    pub(super) fn curb(&self) -> Option<Curb> {
        Some(match self {
            Self::Mode(_) => Curb::Mode,
            Self::Breaker => Curb::Breaker,
            Self::Maintenance => Curb::Maintenance,
            Self::AtWork | Self::Busy | Self::Progress => Curb::AtWork,
            Self::Shaded(_) | Self::Together(_) | Self::Gathering => Curb::SharedCause,
            Self::Sick | Self::Unsure | Self::HostUnseen => Curb::Unsure,
            Self::GpuTaken | Self::HostTaken | Self::Crowd => Curb::Crowd,
            Self::FleetSpent => Curb::Budget,
            Self::Pause | Self::UnderRepair => return None,
        })
    }
}
