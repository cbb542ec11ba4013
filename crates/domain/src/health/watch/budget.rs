//! How many repairs are left, and how often one was held back.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::super::{Curb, Rung};
use super::weigh::{Illness, Stance};
use super::{PieceKey, Watch, Watched};
use crate::GuestKey;

impl Watch {
    /// Returns how many repairs of a guest are left now.
    pub fn repairs_left(&self, guest: GuestKey) -> Option<usize> {
        let watched = self.guests.get(&guest)?;
        let left = |time, of: usize| of.saturating_sub(self.repaired_within(watched, time));
        let of_hour = left(TimeDelta::hours(1), self.limits.guest_hour);
        Some(of_hour.min(left(TimeDelta::hours(24), self.limits.guest_day)))
    }

    /// Returns how many more guests may be repaired now.
    pub fn guests_left(&self) -> usize {
        self.limits.share(self.on_duty).saturating_sub(self.repaired_lately().len())
    }

    /// Says why no more is spent on a guest.
    pub(super) fn overspent(&self, watched: &Watched, rung: Rung) -> Option<String> {
        let repairs = &watched.file.repairs;
        let within = |time| self.repaired_within(watched, time);
        if within(TimeDelta::hours(1)) >= self.limits.guest_hour {
            return Some(format!("budget {0}/{0} of an hour is used", self.limits.guest_hour));
        }
        if within(TimeDelta::hours(24)) >= self.limits.guest_day {
            return Some(format!("budget {0}/{0} of a day is used", self.limits.guest_day));
        }
        let is_again = rung == Rung::Recreate
            && repairs
                .iter()
                .any(|(at, one)| *one == rung && self.now - *at < TimeDelta::hours(24));
        is_again.then(|| "it was made again once today".to_owned())
    }

    /// Returns how often a guest was repaired within this time.
    pub(super) fn repaired_within(&self, watched: &Watched, time: TimeDelta) -> usize {
        watched.file.repairs.iter().filter(|(at, _)| self.now - *at < time).count()
    }

    /// Returns the guests that were repaired lately.
    pub(super) fn repaired_lately(&self) -> BTreeSet<GuestKey> {
        let ordered = self.guards.ordered.iter();
        let recent = ordered.filter(|(at, _)| self.now - *at < self.limits.fleet_window);
        recent.map(|(_, guest)| *guest).collect()
    }

    /// Counts what holds a repair back, where it would be made otherwise.
    pub(super) fn count_curb_of(&mut self, guest: GuestKey, illness: &Illness) {
        let curb = match &illness.stance {
            Stance::Silent(hold) if illness.is_repairable() => hold.curb(),
            Stance::Ask(hold) | Stance::Wait { hold, .. } => hold.curb(),
            Stance::Spent(_) => Some(Curb::Budget),
            Stance::Silent(_)
            | Stance::Notify
            | Stance::GiveUp(_)
            | Stance::UnderRepair { .. }
            | Stance::Go { .. } => None,
        };
        if let Some(curb) = curb {
            self.count_curb(guest, curb);
        }
    }

    /// Counts what holds a repair back; each once until the guest is well again.
    pub(super) fn count_curb(&mut self, guest: GuestKey, curb: Curb) {
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        if watched.file.ladder.given_up.is_some() || !watched.file.curbed.insert(curb) {
            return;
        }
        *self.guards.curbs.entry(curb).or_default() += 1;
        self.changed.extend([PieceKey::Guest(guest), PieceKey::Guards]);
    }

    /// Has what held the repairs of a guest back count anew.
    pub(super) fn forget_curbs(&mut self, guest: GuestKey) {
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        if !watched.file.curbed.is_empty() {
            watched.file.curbed.clear();
            self.changed.insert(PieceKey::Guest(guest));
        }
    }
}
