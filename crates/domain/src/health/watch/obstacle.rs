//! What is in the way of a repair that is due.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::judge::PROGRESS_HOLDS;
use super::super::{Ground, Hold};
use super::{Watch, Watched};

/// A finding older than this is no reason to do anything.
const STALE: TimeDelta = TimeDelta::seconds(90);

/// A host that was not heard of for longer is in nobody's hands.
const HOST_STALE: TimeDelta = TimeDelta::seconds(60);

impl Watch {
    /// Returns what is in the way of a repair just now, and until when where that is known.
    pub(super) fn obstacle(
        &self,
        watched: &Watched,
        end: usize,
        since: DateTime<Utc>,
    ) -> Option<(Hold, Option<DateTime<Utc>>)> {
        let (patient, now) = (&watched.patient, self.now);
        let judge = watched.ends.get(end).map(|end| &end.judge)?;
        let is_fresh = judge.confirmed().is_some_and(|at| now - at <= STALE);
        if !is_fresh {
            return Some((Hold::Unsure, None));
        }
        let began = judge.failing_since().unwrap_or(since);
        if let Some(moved) = watched.file.moved.filter(|moved| now - *moved < PROGRESS_HOLDS) {
            if moved >= began {
                return Some((Hold::Progress, Some(moved + PROGRESS_HOLDS)));
            }
            // It was found failing, did some work, and fails again: that is looked at as the first time.
            let sure = began + self.limits.settle;
            if now < sure {
                return Some((Hold::Progress, Some(sure)));
            }
        }
        let host = self.hosts.get(&patient.host).filter(|host| now - host.heard <= HOST_STALE);
        let Some(host) = host else { return Some((Hold::HostUnseen, None)) };
        if host.busy.contains(&patient.guest) {
            return Some((Hold::Busy, None));
        }
        self.crowd(watched)
    }

    /// Returns what other repairs are in the way of one more.
    fn crowd(&self, watched: &Watched) -> Option<(Hold, Option<DateTime<Utc>>)> {
        let (patient, now) = (&watched.patient, self.now);
        let flights = &self.guards.flights;
        let on_host = || flights.iter().filter(|flight| flight.host == patient.host);
        let shares_gpu = |gpus: &[u8]| gpus.iter().any(|gpu| patient.gpus.contains(gpu));
        if on_host().any(|flight| shares_gpu(&flight.gpus)) {
            return Some((Hold::GpuTaken, None));
        }
        if on_host().next().is_some() {
            return Some((Hold::HostTaken, None));
        }
        let starts = self.guards.starts.iter();
        let last = starts.filter(|(_, host)| *host == patient.host).map(|(at, _)| *at).max();
        let pause = last.map(|at| at + self.limits.host_pause).filter(|until| *until > now);
        if let Some(until) = pause {
            return Some((Hold::HostTaken, Some(until)));
        }
        if flights.len() >= self.limits.at_a_time {
            return Some((Hold::Crowd, None));
        }
        let is_one_more = !self.repaired_lately().contains(&patient.guest);
        if is_one_more && self.guests_left() == 0 {
            return Some((Hold::FleetSpent, None));
        }
        None
    }

    /// Says whether others are failing with this guest just now, so that it is better to wait and
    /// see. That is looked for once it would be repaired, and goes over all guests.
    pub(super) fn is_in_company(&self, watched: &Watched, since: DateTime<Utc>) -> bool {
        if self.now - since >= self.limits.together {
            return false;
        }
        let is_failing = |watched: &Watched| {
            let judges = watched.ends.iter().map(|end| &end.judge);
            let since = judges.filter_map(|judge| {
                judge.ailing()?;
                judge.failing_since()
            });
            since.min().is_some_and(|at| self.now - at < self.limits.together * 2)
        };
        let parents = watched.patient.dependencies.iter();
        if parents.filter_map(|parent| self.guests.get(parent)).any(is_failing) {
            return true;
        }
        let failing = || self.guests.values().filter(|watched| is_failing(watched));
        failing().count() > self.limits.share(self.on_duty)
            || watched.seats.iter().any(|seat: &Ground| {
                failing().filter(|other| other.seats.contains(seat)).count()
                    > self.limits.of_one_ground
            })
    }
}
