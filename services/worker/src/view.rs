//! What the worker knows of all guests of its cell: the ends of their logs, as far as they were
//! told. It is a hint; only an append decides.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use phoenix_bus::End;
use phoenix_domain::{GuestKey, Record};

/// The ends of all logs.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    known: Arc<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    ends: HashMap<GuestKey, Arc<End>>,
    /// Who stands on whom, upwards.
    above: BTreeMap<GuestKey, BTreeSet<GuestKey>>,
}

impl View {
    /// Returns the end of a guest's log, as far as it was told.
    pub(crate) fn end(&self, guest: GuestKey) -> Option<Arc<End>> {
        self.read().ends.get(&guest).cloned()
    }

    /// Takes note of what was told, unless something newer is known.
    pub(crate) fn told(&self, end: End) {
        let guest = end.event.state.guest;
        let mut known = self.write();
        if known.ends.get(&guest).is_some_and(|there| there.seq >= end.seq) {
            return;
        }
        for foundation in end.event.state.desired.waits_for() {
            let above = known.above.entry(foundation).or_default();
            above.insert(guest);
        }
        known.ends.insert(guest, Arc::new(end));
    }

    /// Forgets everything: the log is another one.
    pub(crate) fn forget(&self) {
        *self.write() = Known::default();
    }

    /// Returns the guests that stand on this one, as far as they have said so.
    pub(crate) fn above(&self, guest: GuestKey) -> Vec<GuestKey> {
        self.read().above.get(&guest).into_iter().flatten().copied().collect()
    }

    /// Returns how many guests of this cell wait for this one, one upon the other.
    pub(crate) fn height(&self, guest: GuestKey) -> usize {
        self.read().height(guest, &mut HashMap::new())
    }

    /// Puts those first that the longest chains wait for.
    pub(crate) fn most_urgent_first(&self, guests: &mut [GuestKey]) {
        let (known, mut heights) = (self.read(), HashMap::new());
        guests.sort_by_cached_key(|guest| Reverse(known.height(*guest, &mut heights)));
    }

    /// Returns all guests.
    pub(crate) fn guests(&self) -> Vec<GuestKey> {
        self.read().ends.keys().copied().collect()
    }

    /// Asks something about a guest, given those it stands on.
    pub(crate) fn judge<T>(
        &self,
        guest: GuestKey,
        judge: impl FnOnce(&Record, &dyn Fn(GuestKey) -> Option<Arc<End>>) -> T,
    ) -> Option<T> {
        let end = self.end(guest)?;
        Some(judge(&end.event.state, &|below| self.end(below)))
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Returns the longest chain that waits for a guest, given what is found already.
    fn height(&self, guest: GuestKey, found: &mut HashMap<GuestKey, usize>) -> usize {
        if let Some(height) = found.get(&guest) {
            return *height;
        }
        // Nothing stands on itself, but a log can say so.
        found.insert(guest, 0);
        let waits = |guest: &&GuestKey| {
            self.ends.get(guest).is_some_and(|end| !end.event.state.is_settled())
        };
        let above = self.above.get(&guest).into_iter().flatten().filter(waits);
        let height = above.map(|guest| 1 + self.height(*guest, found)).max().unwrap_or(0);
        found.insert(guest, height);
        height
    }
}
