//! What holds for all guests: modes, the breaker, maintenance, and what is being repaired.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Curb, Ground, Limits, Maintenance, Mode, Order, Patient, Selector};
use crate::{GuestKey, NodeName};

/// A hang is remembered on its GPU for so long.
const HANGS: TimeDelta = TimeDelta::hours(1);

/// What holds for all guests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guards {
    pub(super) mode: Mode,
    pub(super) modes: Vec<(GuestKey, Mode)>,
    pub(super) breaker: Option<Breaker>,
    pub(super) windows: Vec<Maintenance>,
    pub(super) flights: Vec<Flight>,
    pub(super) ordered: Vec<(DateTime<Utc>, GuestKey)>,
    pub(super) starts: Vec<(DateTime<Utc>, NodeName)>,
    pub(super) helpless: Vec<DateTime<Utc>>,
    pub(super) hangs: Vec<(DateTime<Utc>, Ground)>,
    pub(super) down: Vec<(Ground, DateTime<Utc>)>,
    pub(super) gathering: Option<Gathering>,
    pub(super) sick: Option<Sick>,
    /// How often repairs were held back, by what.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) curbs: BTreeMap<Curb, u64>,
}

/// Why nothing is repaired any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who opened it; the rules, where absent.
    pub by: Option<String>,
    /// Why.
    pub why: String,
}

/// A repair that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flight {
    pub(super) order: Order,
    pub(super) host: NodeName,
    pub(super) gpus: Vec<u8>,
    pub(super) until: DateTime<Utc>,
}

/// Guests that failed together, while it is not yet clear what by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gathering {
    pub(super) until: DateTime<Utc>,
    pub(super) guests: Vec<GuestKey>,
}

/// The monitor is not well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sick {
    pub(super) why: String,
    pub(super) fine_since: Option<DateTime<Utc>>,
}

impl Guards {
    /// Returns what is done about findings of a guest: what a human said of it, else what its file
    /// says, else what holds for all.
    pub fn mode(&self, patient: &Patient) -> Mode {
        let own = self.modes.iter().find(|(one, _)| *one == patient.guest);
        own.map(|(_, mode)| *mode).or(patient.mode).unwrap_or(self.mode)
    }

    /// Returns what is done about findings of guests that have no mode of their own.
    pub fn fleet_mode(&self) -> Mode {
        self.mode
    }

    /// Returns why nothing is repaired any more.
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// Returns the times of maintenance that are on or to come.
    pub fn windows(&self) -> &[Maintenance] {
        &self.windows
    }

    /// Returns the repairs that are under way.
    pub fn under_way(&self) -> impl Iterator<Item = &Order> {
        self.flights.iter().map(|flight| &flight.order)
    }

    /// Returns how often this has held a repair back.
    pub fn held_back(&self, by: Curb) -> u64 {
        self.curbs.get(&by).copied().unwrap_or_default()
    }

    pub(super) fn set_mode(&mut self, guest: Option<GuestKey>, mode: Mode) {
        let Some(guest) = guest else {
            self.mode = mode;
            return;
        };
        self.modes.retain(|(one, _)| *one != guest);
        self.modes.push((guest, mode));
    }

    pub(super) fn is_maintained(&self, patient: &Patient, now: DateTime<Utc>) -> bool {
        let windows = self.windows.iter();
        windows
            .filter(|window| window.is_on(now))
            .any(|window| window.selector.has(patient.guest, &patient.host))
    }

    /// Says whether a whole host is in maintenance.
    pub(super) fn is_shut(&self, host: &NodeName, now: DateTime<Utc>) -> bool {
        let mut windows = self.windows.iter().filter(|window| window.is_on(now));
        windows.any(|window| match &window.selector {
            Selector::All => true,
            Selector::Host(one) => one == host,
            Selector::Guest(_) => false,
        })
    }

    pub(super) fn flight(&self, guest: GuestKey) -> Option<&Flight> {
        self.flights.iter().find(|flight| flight.order.guest == guest)
    }

    /// Says whether a service hung on one of the guest's GPUs before this.
    pub(super) fn hung_before(&self, patient: &Patient, since: DateTime<Utc>) -> bool {
        self.hangs.iter().any(|(at, ground)| {
            let Ground::Gpu(host, index) = ground else { return false };
            *at < since
                && since - *at < HANGS
                && *host == patient.host
                && patient.gpus.contains(index)
        })
    }

    pub(super) fn hung(&mut self, patient: &Patient, at: DateTime<Utc>) {
        self.hangs.retain(|(then, _)| at - *then < HANGS);
        for index in &patient.gpus {
            let hang = (at, Ground::Gpu(patient.host.clone(), *index));
            if !self.hangs.contains(&hang) {
                self.hangs.push(hang);
            }
        }
    }

    /// Counts a repair that did not help, and says whether these are too many now.
    pub(super) fn was_helpless(&mut self, limits: &Limits, now: DateTime<Utc>) -> bool {
        self.helpless.retain(|at| now - *at < limits.helpless_window);
        self.helpless.push(now);
        self.helpless.len() >= limits.helpless
    }

    pub(super) fn forget(&mut self, limits: &Limits, now: DateTime<Utc>) {
        self.ordered.retain(|(at, _)| now - *at < limits.fleet_window);
        self.starts.retain(|(at, _)| now - *at < limits.host_pause);
    }
}
