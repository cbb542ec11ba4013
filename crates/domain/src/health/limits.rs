//! How much may be repaired, however sick the fleet looks.

use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Refused;

/// How much may be repaired, however sick the fleet looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Repairs of one guest within an hour.
    pub guest_hour: usize,
    /// Repairs of one guest within a day.
    pub guest_day: usize,
    /// Repairs at a time.
    pub at_a_time: usize,
    /// The pause between two repairs on one host: a model that loads takes all of its disks.
    pub host_pause: TimeDelta,
    /// How long a failure is watched before anything is done: others may fail by the same cause.
    pub settle: TimeDelta,
    /// The window in which failures are taken to have one cause.
    pub together: TimeDelta,
    /// So many of the guests of one host, bridge, storage, GPU or template do.
    pub of_one_ground: usize,
    /// So many of the whole fleet do, in hundredths.
    pub of_fleet: usize,
    /// However small the fleet is, so many may fail, or be repaired, together.
    pub at_least: usize,
    /// The window in which no more than that share of the fleet is repaired.
    pub fleet_window: TimeDelta,
    /// So many repairs that did not help open the breaker.
    pub helpless: usize,
    /// Within this time.
    pub helpless_window: TimeDelta,
    /// A bus that lags more than this opens it too.
    pub bus_lag: TimeDelta,
    /// A monitor that lags more than this judges nobody.
    pub own_lag: TimeDelta,
    /// How long a guest must serve before its repair counts, and its past is forgotten.
    pub hold: TimeDelta,
    /// How long nothing may be known of a guest before a human is called.
    pub blind: TimeDelta,
    /// How long a failed guest may be held back before a human is called.
    pub patience: TimeDelta,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            guest_hour: 4,
            guest_day: 8,
            at_a_time: 2,
            host_pause: TimeDelta::seconds(30),
            settle: TimeDelta::seconds(20),
            together: TimeDelta::seconds(60),
            of_one_ground: 3,
            of_fleet: 20,
            at_least: 2,
            fleet_window: TimeDelta::minutes(10),
            helpless: 5,
            helpless_window: TimeDelta::minutes(15),
            bus_lag: TimeDelta::seconds(60),
            own_lag: TimeDelta::seconds(2),
            hold: TimeDelta::minutes(10),
            blind: TimeDelta::minutes(15),
            patience: TimeDelta::minutes(60),
        }
    }
}

impl Limits {
    /// Returns how many of so many guests may fail, or be repaired, together.
    pub(super) fn share(&self, guests: usize) -> usize {
        (guests * self.of_fleet / 100).max(self.at_least)
    }
}

/// What the monitor does about what it finds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It judges, and tells nobody.
    Off,
    /// It tells.
    #[default]
    Observe,
    /// It tells, and says what it would do.
    DryRun,
    /// It tells, and repairs.
    On,
}

impl Mode {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Off, Self::Observe, Self::DryRun, Self::On];

    /// Returns its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::DryRun => "dry-run",
            Self::On => "on",
        }
    }
}

impl FromStr for Mode {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == text);
        found.ok_or_else(|| {
            Refused::new(text, "a mode", "a mode is `off`, `observe`, `dry-run` or `on`")
        })
    }
}
