//! What the watch over a cell has to say.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Condition, Evidence, Ground, Incident, IncidentId, Maintenance, Mode, Order, Reason, Rung,
};
use crate::GuestKey;

/// What the watch over a cell has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A guest is found to be otherwise than before.
    Turned {
        /// The guest.
        guest: GuestKey,
        /// The probe that found it.
        probe: Box<str>,
        /// What it was.
        from: Condition,
        /// What it is now; the reason is in there.
        to: Condition,
        /// What the latest bad reading rests on.
        evidence: Option<Box<Evidence>>,
        /// Since when it is so.
        since: DateTime<Utc>,
    },
    /// There is an incident.
    Opened(Box<Incident>),
    /// There is more to say about an incident.
    Updated(Box<Incident>),
    /// An incident is over.
    Resolved(Box<Incident>),
    /// A repair is wanted.
    Repair {
        /// Which.
        order: Order,
        /// What for.
        reason: Reason,
        /// Which time this rung is tried, the first being 1.
        attempt: u32,
        /// How often it is tried at most.
        of: u32,
        /// The human who wants it, where it is not the rules.
        by: Option<String>,
    },
    /// A repair would be wanted, were it not for this.
    Held {
        /// The guest.
        guest: GuestKey,
        /// Its incident.
        incident: IncidentId,
        /// What would be done.
        rung: Option<Rung>,
        /// What is in the way.
        hold: Hold,
    },
    /// A maintenance ends soon.
    MaintenanceEnds(Maintenance),
    /// A maintenance is over.
    MaintenanceOver(Maintenance),
    /// What a human ordered is not done.
    Declined {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
}

/// What keeps a guest from being repaired.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "is", content = "of", rename_all = "kebab-case")]
pub enum Hold {
    /// The mode.
    Mode(Mode),
    /// The breaker is open.
    Breaker,
    /// The guest is in maintenance.
    Maintenance,
    /// A worker is at it.
    AtWork,
    /// What it stands on is not well.
    Shaded(Ground),
    /// It failed together with others.
    Together(IncidentId),
    /// Others are failing with it: the cause is not yet clear.
    Gathering,
    /// It is being backed up or moved.
    Busy,
    /// The monitor itself is not well.
    Sick,
    /// It was seen to do work.
    Progress,
    /// It was not found failing just now.
    Unsure,
    /// Nothing was heard of its host for a while.
    HostUnseen,
    /// Its time has not come.
    Pause,
    /// It is being repaired.
    UnderRepair,
    /// Another guest on its GPU is being repaired.
    GpuTaken,
    /// Another guest on its host is being repaired, or was a moment ago.
    HostTaken,
    /// As many guests as may be are being repaired.
    Crowd,
    /// As much of the fleet as may be was repaired lately.
    FleetSpent,
}

impl Hold {
    /// Returns it in words.
    pub fn words(&self) -> String {
        let words = match self {
            Self::Mode(Mode::Off) => "the monitor is off for it",
            Self::Mode(Mode::Observe) => "the monitor only observes",
            Self::Mode(Mode::DryRun) => "the monitor makes a dry run",
            Self::Mode(Mode::On) => "the monitor is on",
            Self::Breaker => "the breaker is open",
            Self::Maintenance => "it is in maintenance",
            Self::AtWork => "a worker is at it",
            Self::Shaded(ground) => return format!("{ground} is not well"),
            Self::Together(incident) => return format!("it failed with others ({incident})"),
            Self::Gathering => "others are failing with it",
            Self::Busy => "it is being backed up or moved",
            Self::Sick => "the monitor itself is not well",
            Self::Progress => "it does work",
            Self::Unsure => "it was not found failing just now",
            Self::HostUnseen => "nothing was heard of its host lately",
            Self::Pause => "it is not time yet",
            Self::UnderRepair => "it is being repaired",
            Self::GpuTaken => "a guest on its GPU is being repaired",
            Self::HostTaken => "a guest on its host is being repaired, or was just now",
            Self::Crowd => "enough guests are being repaired",
            Self::FleetSpent => "enough of the fleet was repaired lately",
        };
        words.to_owned()
    }
}
