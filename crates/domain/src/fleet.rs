//! All guests at once.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::{Cycle, GuestSpec, Reach, Verb, Vmid, order};

/// All guests of a site; every guest that one of them stands on is among them, without a circle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet(BTreeMap<Vmid, Box<GuestSpec>>);

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
    #[error("there is no guest {0}")]
    Unknown(Vmid),
}

impl Fleet {
    /// Takes guests as a fleet when each one's foundations are among them.
    pub fn try_new(guests: impl IntoIterator<Item = Box<GuestSpec>>) -> Result<Self, FleetError> {
        let mut guests: Vec<_> = guests.into_iter().map(|guest| (guest.vmid, guest)).collect();
        guests.sort_by_key(|(vmid, _)| *vmid);
        if let Some([(twice, _), _]) = guests.array_windows().find(|[(a, _), (b, _)]| a == b) {
            return Err(FleetError::Twice(*twice));
        }
        let by_id: FxHashMap<_, _> = guests.iter().map(|(vmid, guest)| (*vmid, guest)).collect();
        for (vmid, guest) in &guests {
            if let Some(missing) = guest.stands_on().find(|below| !by_id.contains_key(below)) {
                return Err(FleetError::Missing { guest: *vmid, missing });
            }
        }
        let below = |vmid| by_id.get(&vmid).into_iter().flat_map(|guest| guest.stands_on());
        order(guests.iter().map(|(vmid, _)| *vmid), below).map_err(FleetError::Circle)?;
        Ok(Self(BTreeMap::from_iter(guests)))
    }

    /// Returns the guests in the order of their numbers.
    pub fn guests(&self) -> impl ExactSizeIterator<Item = &GuestSpec> {
        self.0.values().map(AsRef::as_ref)
    }

    /// Returns one guest.
    pub fn guest(&self, vmid: Vmid) -> Option<&GuestSpec> {
        self.0.get(&vmid).map(AsRef::as_ref)
    }

    /// Returns the guests a request is carried out on, in the order in which that happens.
    pub fn order(&self, verb: Verb, named: &[Vmid]) -> Result<Vec<&GuestSpec>, FleetError> {
        if let Some(asked) = named.iter().find(|vmid| !self.0.contains_key(vmid)) {
            return Err(FleetError::Unknown(*asked));
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
        Ok(order.iter().filter_map(|guest| self.guest(*guest)).collect())
    }

    /// Returns the guests that stand directly on this one.
    pub fn dependants(&self, vmid: Vmid) -> impl Iterator<Item = &GuestSpec> {
        self.guests().filter(move |guest| guest.stands_on().any(|below| below == vmid))
    }

    /// Returns this guest's parent, the parent's parent and so on.
    pub fn lineage(&self, vmid: Vmid) -> impl Iterator<Item = &GuestSpec> {
        let parent = |guest: &GuestSpec| guest.parent().and_then(|parent| self.guest(parent));
        std::iter::successors(self.guest(vmid).and_then(parent), move |guest| parent(guest))
    }

    fn stands_on(&self, guest: Vmid) -> impl Iterator<Item = Vmid> + '_ {
        self.guest(guest).into_iter().flat_map(GuestSpec::stands_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(guests: &[(u64, Option<u64>, &[u64])]) -> Result<Fleet, FleetError> {
        Fleet::try_new(guests.iter().map(|(vmid, parent, dependencies)| {
            Box::new(crate::guest::tests::bare(*vmid, *parent, dependencies))
        }))
    }

    fn numbers(order: &[&GuestSpec]) -> Vec<u32> {
        order.iter().map(|guest| guest.vmid.number()).collect()
    }

    fn vmid(number: u64) -> Vmid {
        Vmid::try_from(number).unwrap()
    }

    const MODEL_SERVERS: &[(u64, Option<u64>, &[u64])] = &[
        (900, None, &[]),
        (901, Some(900), &[]),
        (920, Some(901), &[]),
        (950, Some(920), &[953]),
        (953, Some(900), &[]),
    ];

    #[test]
    fn to_create_reaches_down_and_to_take_away_does_not() {
        let fleet = fleet(MODEL_SERVERS).unwrap();
        let order = |verb, named: &[u64]| {
            let named: Vec<_> = named.iter().copied().map(vmid).collect();
            numbers(&fleet.order(verb, &named).unwrap())
        };

        assert_eq!(order(Verb::Create, &[950]), [900, 901, 920, 953, 950]);
        assert_eq!(order(Verb::Start, &[953]), [900, 953]);
        for verb in [Verb::Stop, Verb::Restart, Verb::Delete] {
            assert_eq!(order(verb, &[950]), [950], "{verb:?}");
        }
        assert_eq!(order(Verb::Delete, &[901, 950]), [950, 901]);
        assert_eq!(order(Verb::Restart, &[950, 901]), [901, 950]);
    }

    #[test]
    fn guests_that_do_not_fit_together_are_no_fleet() {
        assert_eq!(fleet(&[(900, None, &[]), (900, None, &[])]), Err(FleetError::Twice(vmid(900))));
        let missing = FleetError::Missing { guest: vmid(901), missing: vmid(900) };
        assert_eq!(fleet(&[(901, Some(900), &[])]), Err(missing));
        let circle = fleet(&[(900, None, &[901]), (901, Some(900), &[])]).unwrap_err();
        assert_eq!(circle.to_string(), "guests stand on each other in a circle: 900 → 901 → 900");
    }

    #[test]
    fn who_stands_on_whom_is_known_both_ways() {
        let fleet = fleet(MODEL_SERVERS).unwrap();
        let above: Vec<_> = fleet.dependants(vmid(900)).map(|guest| guest.vmid.number()).collect();
        let below: Vec<_> = fleet.lineage(vmid(950)).map(|guest| guest.vmid.number()).collect();
        assert_eq!((above, below), (vec![901, 953], vec![920, 901, 900]));
        assert_eq!(fleet.order(Verb::Create, &[vmid(999)]), Err(FleetError::Unknown(vmid(999))));
    }
}
