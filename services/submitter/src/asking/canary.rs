//! The guest that tries something first, before the others.

use std::collections::BTreeSet;

use phoenix_domain::{GuestKey, Vmid};

use super::Wanted;
use crate::error::CommandError;

/// Has all guests wait for the one that tries it first, but for those it stands on.
pub(crate) fn try_first(wanted: &mut [Wanted], canary: Vmid) -> Result<(), CommandError> {
    let named = wanted.iter().find(|one| one.guest.vmid == canary);
    let named = named.map(|one| (one.guest, one.digest.clone()));
    let Some((canary, digest)) = named else { return Err(CommandError::NoCanary { canary }) };
    let mut before = BTreeSet::new();
    let mut open = vec![canary];
    while let Some(guest) = open.pop() {
        if before.insert(guest) {
            open.extend(stood_on(wanted, guest));
        }
    }
    for one in wanted.iter_mut().filter(|one| !before.contains(&one.guest)) {
        one.after.insert(canary, digest.clone());
    }
    Ok(())
}

fn stood_on(wanted: &[Wanted], guest: GuestKey) -> Vec<GuestKey> {
    let of = wanted.iter().filter(|one| one.guest == guest);
    of.flat_map(|one| one.stands_on.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::wanted;

    #[test]
    fn all_wait_for_the_canary_but_what_it_stands_on() {
        let on = |below: &Wanted, one: Wanted| Wanted { stands_on: vec![below.guest], ..one };
        let base = wanted(900, 512);
        let canary = on(&base, wanted(950, 512));
        let other = on(&base, wanted(951, 512));
        let mut all = vec![base, canary, other];

        try_first(&mut all, 950.try_into().unwrap()).unwrap();

        let after: Vec<_> = all.iter().map(|one| one.after.len()).collect();
        assert_eq!(after, [0, 0, 1]);
        assert_eq!(all[2].after, [(all[1].guest, all[1].digest.clone())].into());
        assert!(try_first(&mut all, 777.try_into().unwrap()).is_err());
    }
}
