//! Guests below what they stand on.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_domain::GuestKey;

use crate::states::States;

/// Returns all guests, each below the first of those it stands on, and how deep each stands.
pub(crate) fn ordered(states: &States) -> Vec<(GuestKey, usize)> {
    let mut by_number: Vec<_> = states.guests().collect();
    by_number.sort_by_key(|guest| guest.vmid);
    let mut above: BTreeMap<GuestKey, Vec<GuestKey>> = BTreeMap::new();
    let mut open = Vec::new();
    for guest in &by_number {
        match foundation(states, *guest) {
            Some(below) => above.entry(below).or_default().push(*guest),
            None => open.push((*guest, 0)),
        }
    }
    let mut order = Vec::with_capacity(by_number.len());
    let mut seen = BTreeSet::new();
    // What stands on itself has no root; it is told all the same.
    let left_over = by_number.iter().map(|guest| (*guest, 0));
    for root in open.into_iter().chain(left_over) {
        let mut next = vec![root];
        while let Some((guest, depth)) = next.pop() {
            if seen.insert(guest) {
                order.push((guest, depth));
                let above = above.get(&guest).into_iter().flatten().rev();
                next.extend(above.map(|one| (*one, depth + 1)));
            }
        }
    }
    order
}

/// Returns the first guest that this one stands on, of those that are known.
fn foundation(states: &States, guest: GuestKey) -> Option<GuestKey> {
    let record = states.record(guest)?;
    let below = record.desired.stands_on.iter().copied();
    below.into_iter().find(|below| states.record(*below).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::{guest, site};

    #[test]
    fn a_guest_is_below_what_it_stands_on() {
        let order = ordered(&States::of(site()));
        let expected = [(900, 0), (901, 1), (902, 1), (903, 1), (904, 2), (905, 1)];
        assert_eq!(order, expected.map(|(vmid, depth)| (guest(vmid), depth)));
    }

    #[test]
    fn what_stands_on_itself_is_told_once() {
        let mut events = site();
        for event in &mut events {
            event.state.desired.stands_on = vec![event.state.guest];
        }
        assert_eq!(ordered(&States::of(events)).len(), 6);
    }
}
