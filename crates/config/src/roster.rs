//! Who is in the files, right or wrong: enough to answer for a number that was typed.

use std::collections::HashSet;

use phoenix_domain::{Hostname, Vmid, order};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::place::{File, Place};
use crate::scene::Guest;

/// Who is in the files.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    guests: FxHashMap<Vmid, Row>,
    unreadable: FxHashSet<Vmid>,
}

#[derive(Debug)]
struct Row {
    name: Hostname,
    file: File,
    nth: usize,
    stands_on: Box<[Vmid]>,
}

impl Roster {
    pub(crate) fn of(guests: &[Guest], unreadable: &FxHashSet<Vmid>) -> Self {
        let mut rows = FxHashMap::with_capacity_and_hasher(guests.len(), FxBuildHasher);
        for guest in guests {
            let Some(nth) = guest.at.entry else { continue };
            rows.entry(guest.spec.vmid).or_insert_with(|| Row {
                name: guest.spec.name.clone(),
                file: guest.at.file,
                nth,
                stands_on: guest.spec.stands_on().collect(),
            });
        }
        Self { guests: rows, unreadable: unreadable.clone() }
    }

    pub(crate) fn knows(&self, vmid: Vmid) -> bool {
        self.guests.contains_key(&vmid) || self.unreadable.contains(&vmid)
    }

    pub(crate) fn place(&self, vmid: Vmid) -> Option<Place> {
        self.guests.get(&vmid).map(|row| Place::entry(row.file, row.nth))
    }

    /// Returns up to three guests whose number is nearest to one that was typed.
    pub(crate) fn near(&self, asked: Vmid) -> Vec<String> {
        let typed = asked.to_string();
        let mut near: Vec<_> = self
            .guests
            .iter()
            .map(|(vmid, row)| {
                let strokes = strsim::damerau_levenshtein(&typed, &vmid.to_string());
                (strokes, vmid.number().abs_diff(asked.number()), vmid, row)
            })
            .filter(|(strokes, _, _, _)| *strokes <= 1)
            .collect();
        near.sort_unstable_by_key(|(strokes, apart, vmid, _)| (*strokes, *apart, **vmid));
        near.into_iter().take(3).map(|(_, _, vmid, row)| format!("{vmid} ({})", row.name)).collect()
    }

    /// Returns where guests and all they stand on are. In a circle, where all of them are.
    pub(crate) fn places_below(&self, guests: &[Vmid]) -> HashSet<(File, usize)> {
        let below = |vmid: Vmid| {
            self.guests.get(&vmid).map(|row| row.stands_on.iter().copied()).into_iter().flatten()
        };
        let guests = order(guests.iter().copied(), below)
            .unwrap_or_else(|_| self.guests.keys().copied().collect());
        guests
            .into_iter()
            .filter_map(|vmid| self.guests.get(&vmid))
            .map(|row| (row.file, row.nth))
            .collect()
    }
}
