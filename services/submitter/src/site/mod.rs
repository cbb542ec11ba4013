//! All that is known of a cell, and keeping it so: what the page and the screen show.

mod follow;
mod order;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phoenix_bus::{Approval, HostReport, Outlook, Seen};
use phoenix_domain::GuestKey;
use phoenix_domain::health::{Condition, Facts, Incident, Probe};

pub(crate) use self::follow::{Following, Look, News, look};
pub(crate) use self::order::ordered;
use crate::states::States;

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Site {
    pub(crate) states: States,
    pub(crate) hosts: Vec<HostReport>,
    pub(crate) incidents: Vec<Incident>,
    /// What people are asked before something is done because of a push.
    pub(crate) approvals: Vec<Approval>,
    /// What the monitor says, but for the guests; absent while none answers.
    pub(crate) outlook: Option<Outlook>,
    /// What it says of each guest.
    pub(crate) seen: BTreeMap<GuestKey, Seen>,
}

impl Site {
    /// Returns the guests whose lines may read otherwise once something happened to this one: itself, and
    /// those above.
    pub(crate) fn touched_by(&self, guest: GuestKey) -> impl Iterator<Item = GuestKey> {
        std::iter::once(guest).chain(self.states.above(guest))
    }

    /// Takes in what was found by looking; says whether more has changed than the time at which a
    /// worker was heard last.
    pub(crate) fn looked(&mut self, look: Look, now: DateTime<Utc>) -> bool {
        let alive = |hosts: &[HostReport]| -> Vec<_> {
            let about = hosts
                .iter()
                .map(|one| (one.host.clone(), one.is_alive(now), one.busy, one.facts.clone()));
            about.collect()
        };
        let is_changed = alive(&look.hosts) != alive(&self.hosts)
            || look.outlook != self.outlook
            || look.seen != self.seen
            || look.incidents != self.incidents
            || look.approvals != self.approvals;
        let Look { hosts, incidents, approvals, outlook, seen } = look;
        (self.hosts, self.incidents, self.outlook, self.seen) = (hosts, incidents, outlook, seen);
        self.approvals = approvals;
        is_changed
    }

    /// Returns the open incidents, the most urgent first.
    pub(crate) fn open_incidents(&self) -> Vec<&Incident> {
        let mut open: Vec<_> =
            self.incidents.iter().filter(|incident| incident.is_open()).collect();
        open.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.opened));
        open
    }

    /// Returns how the worst of its probes finds a guest; nothing where it is not watched.
    pub(crate) fn health(&self, guest: GuestKey) -> Option<&(Probe, Condition, DateTime<Utc>)> {
        let probes = &self.seen.get(&guest)?.probes;
        probes.iter().max_by_key(|(_, condition, _)| badness(*condition))
    }
}

/// Returns what of a host is not well.
pub(crate) fn not_well(facts: &Facts) -> String {
    let bridges = facts.broken_bridges.iter().map(|name| format!("bridge {name}"));
    let storages = facts.broken_storages.iter().map(|name| format!("storage {name}"));
    let gpus = facts.broken_gpus.iter().map(|index| format!("GPU {index}"));
    bridges.chain(storages).chain(gpus).collect::<Vec<_>>().join(", ")
}

/// Returns how bad something is, the worst last.
fn badness(condition: Condition) -> u8 {
    match condition {
        Condition::Healthy => 0,
        Condition::Starting => 1,
        Condition::Unknown(_) => 2,
        Condition::Degraded(_) => 3,
        Condition::Failed(_) => 4,
    }
}
