//! Workers that die at a point of every change, one after the other, and do not know of each other.

use std::collections::BTreeMap;

use phoenix_domain::GuestKey;
use phoenix_testkit::host::{Fault, FaultKind, Moment};

use super::site::Site;

/// How many changes of each kind a guest took.
pub(super) type Changes = BTreeMap<String, u32>;

/// Returns the changes that were made behind a mark.
pub(super) fn changes_since(site: &Site, mark: usize) -> Changes {
    let mut changes = Changes::new();
    for entry in site.host.done().into_iter().skip(mark) {
        *changes.entry(entry.kind).or_insert(0) += 1;
    }
    changes
}

/// Has whoever makes a change of a guest die at this point of it, once for each.
pub(super) fn kill_at_every(site: &Site, guest: GuestKey, at: Moment, changes: &Changes) {
    for (kind, times) in changes {
        for time in 1..=*times {
            let nth = match at {
                // Nothing was begun, so the change comes again after it.
                Moment::Before => 2 * time - 1,
                Moment::During | Moment::After => time,
            };
            let fault = Fault::new(FaultKind::KillStarter { at }).guest(guest).kind(kind);
            site.host.fault(fault.nth(nth));
        }
    }
}

/// Starts one worker after the other until this is so, and returns how many died.
pub(super) async fn die_until<T>(site: &Site, is_so: impl Future<Output = T>) -> (T, u32) {
    tokio::pin!(is_so);
    let mut deaths = 0;
    loop {
        let mut worker = site.worker();
        tokio::select! {
            so = &mut is_so => return (so, deaths),
            () = worker.is_killed() => deaths += 1,
        }
    }
}
