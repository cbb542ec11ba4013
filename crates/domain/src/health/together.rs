//! Whether guests fail together, and what they have in common.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustc_hash::FxHashMap;

use super::{Ground, Limits};
use crate::GuestKey;

/// The guests that failed lately, counted by what they stand on.
#[derive(Clone, Debug, Default)]
pub(super) struct Together {
    by_time: BTreeSet<(DateTime<Utc>, GuestKey)>,
    fallen: FxHashMap<GuestKey, (DateTime<Utc>, Arc<[Ground]>)>,
    counts: FxHashMap<Ground, usize>,
}

impl Together {
    /// Takes in that a guest failed, and says whether too many have by now.
    pub(super) fn fell(
        &mut self,
        guest: GuestKey,
        seats: &Arc<[Ground]>,
        at: DateTime<Utc>,
        limits: &Limits,
        fleet: usize,
    ) -> bool {
        self.forget(at, limits);
        self.leave(guest);
        self.by_time.insert((at, guest));
        self.fallen.insert(guest, (at, Arc::clone(seats)));
        for seat in seats.iter() {
            *self.counts.entry(seat.clone()).or_default() += 1;
        }
        let is_crowd = seats
            .iter()
            .any(|seat| self.counts.get(seat).is_some_and(|count| *count > limits.of_one_ground));
        is_crowd || self.fallen.len() > limits.share(fleet)
    }

    /// Hands over those that failed lately, and begins anew.
    pub(super) fn take(&mut self) -> Vec<GuestKey> {
        let guests = self.by_time.iter().map(|(_, guest)| *guest).collect();
        *self = Self::default();
        guests
    }

    /// Takes in that a guest is not counted any more.
    pub(super) fn leave(&mut self, guest: GuestKey) {
        let Some((at, seats)) = self.fallen.remove(&guest) else { return };
        self.by_time.remove(&(at, guest));
        for seat in seats.iter() {
            if let Some(count) = self.counts.get_mut(seat) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.counts.remove(seat);
                }
            }
        }
    }

    fn forget(&mut self, now: DateTime<Utc>, limits: &Limits) {
        while let Some((at, guest)) = self.by_time.first().copied()
            && now - at > limits.together
        {
            self.leave(guest);
        }
    }
}

/// Returns what most of these guests have in common: the ground under most of them, of several that
/// under the fewest others, of several still the one that holds up the rest. `members` says how many
/// guests stand on a ground.
pub(super) fn common<'g>(
    seats: impl Iterator<Item = &'g [Ground]>,
    members: impl Fn(&Ground) -> usize,
) -> Ground {
    let mut counts: FxHashMap<&Ground, usize> = FxHashMap::default();
    let mut all = 0;
    for guest in seats {
        all += 1;
        for seat in guest {
            *counts.entry(seat).or_default() += 1;
        }
    }
    let best =
        counts.into_iter().map(|(ground, count)| (Reverse(count), members(ground), ground)).min();
    match best {
        // Four of five: somebody always fails at the same time for a reason of his own.
        Some((Reverse(count), _, ground)) if count * 5 >= all * 4 => ground.clone(),
        Some(_) | None => Ground::Fleet,
    }
}
