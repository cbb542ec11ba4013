//! All guests at once.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::{Cycle, GuestSpec, Reach, Verb, Vmid, order};

/// All guests of a site; every guest that one of them stands on is among them, without a circle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet(BTreeMap<Vmid, GuestSpec>);

/// Why guests are no fleet, or why a request cannot be met by it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FleetError {
    /// Two guests have the same number.
    #[error("guest {0} is there twice")]
    Twice(Vmid),
    /// A guest stands on one that is not there.
    #[error("guest {guest} stands on {missing}, which is not in the fleet")]
    Missing {
        /// The guest.
        guest: Vmid,
        /// What is missing.
        missing: Vmid,
    },
    /// Guests stand on each other in a circle.
    #[error("guests stand on each other in a circle: {0}")]
    Circle(Cycle),
    /// A request names a guest that is not there.
    #[error("there is no guest {asked}")]
    Unknown {
        /// The number that was asked for.
        asked: Vmid,
        /// Numbers near it that exist.
        near: Vec<Vmid>,
    },
}

impl Fleet {
    /// Takes guests as a fleet when each one's foundations are among them.
    pub fn try_new(guests: impl IntoIterator<Item = GuestSpec>) -> Result<Self, FleetError> {
        let mut fleet = BTreeMap::new();
        for guest in guests {
            if let Some(former) = fleet.insert(guest.vmid, guest) {
                return Err(FleetError::Twice(former.vmid));
            }
        }
        for guest in fleet.values() {
            if let Some(missing) = guest.stands_on().find(|below| !fleet.contains_key(below)) {
                return Err(FleetError::Missing { guest: guest.vmid, missing });
            }
        }
        let fleet = Self(fleet);
        order(fleet.0.keys().copied(), |guest| fleet.stands_on(guest))
            .map_err(FleetError::Circle)?;
        Ok(fleet)
    }

    /// Returns the guests in the order of their numbers.
    pub fn guests(&self) -> impl ExactSizeIterator<Item = &GuestSpec> {
        self.0.values()
    }

    /// Returns one guest.
    pub fn guest(&self, vmid: Vmid) -> Option<&GuestSpec> {
        self.0.get(&vmid)
    }

    /// Returns the guests a request is carried out on, in the order in which that happens.
    pub fn order(&self, verb: Verb, named: &[Vmid]) -> Result<Vec<&GuestSpec>, FleetError> {
        if let Some(asked) = named.iter().find(|vmid| !self.0.contains_key(vmid)) {
            return Err(FleetError::Unknown { asked: *asked, near: self.near(*asked) });
        }
        let mut order = order(named.iter().copied(), |guest| self.stands_on(guest))
            .map_err(FleetError::Circle)?;
        match verb.reach() {
            Reach::Foundations => {}
            Reach::NamedOnly => order.retain(|guest| named.contains(guest)),
        }
        if verb.is_downwards() {
            order.reverse();
        }
        Ok(order.iter().filter_map(|guest| self.0.get(guest)).collect())
    }

    /// Returns the guests that stand directly on this one.
    pub fn dependants(&self, vmid: Vmid) -> impl Iterator<Item = &GuestSpec> {
        self.0.values().filter(move |guest| guest.stands_on().any(|below| below == vmid))
    }

    /// Returns this guest's parent, the parent's parent and so on.
    pub fn lineage(&self, vmid: Vmid) -> impl Iterator<Item = &GuestSpec> {
        let parent = |guest: &GuestSpec| guest.parent().and_then(|parent| self.0.get(&parent));
        std::iter::successors(self.0.get(&vmid).and_then(parent), move |guest| parent(guest))
    }

    /// Returns up to three numbers that somebody who typed `asked` may have meant.
    fn near(&self, asked: Vmid) -> Vec<Vmid> {
        let typed = asked.to_string();
        let mut near: Vec<_> = self
            .0
            .keys()
            .map(|vmid| (strokes_apart(&typed, &vmid.to_string()), *vmid))
            .filter(|(apart, _)| *apart <= 1)
            .map(|(_, vmid)| (vmid.number().abs_diff(asked.number()), vmid))
            .collect();
        near.sort_unstable();
        near.into_iter().take(3).map(|(_, vmid)| vmid).collect()
    }

    fn stands_on(&self, guest: Vmid) -> impl Iterator<Item = Vmid> + '_ {
        self.0.get(&guest).into_iter().flat_map(GuestSpec::stands_on)
    }
}

/// Counts how many single strokes apart two numbers are, as far as it matters: 0, 1 or more.
fn strokes_apart(a: &str, b: &str) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let front = short.bytes().zip(long.bytes()).take_while(|(x, y)| x == y).count();
    let back = short.bytes().rev().zip(long.bytes().rev()).take_while(|(x, y)| x == y).count();
    let same = (front + back).min(short.len());
    long.len() - same
}
