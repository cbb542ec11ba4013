//! With the host, guests start in an order of their own, which knows nothing of dependencies.

use std::cmp::Ordering;

use phoenix_domain::{GuestSpec, Vmid};

use super::groups::{Groups, per};
use super::{Rule, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0109", Warning, "a dependency starts too late at boot");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut late: Groups<Vmid, (&Guest, usize)> = Groups::new();
    for guest in scene.guests.iter().filter(|guest| guest.spec.boot.at_boot) {
        for (nth, dependency) in guest.spec.dependencies.iter().enumerate() {
            let Some(dependency) = scene.guest(*dependency) else { continue };
            let is_late = !dependency.spec.boot.at_boot
                || turn(&dependency.spec).cmp(&turn(&guest.spec)) == Ordering::Greater;
            if is_late && are_neighbours(&dependency.spec, &guest.spec) {
                late.add(dependency.spec.vmid, (guest, nth));
            }
        }
    }
    for (dependency, needs) in late.into_iter() {
        let Some(dependency) = scene.guest(dependency) else { continue };
        let guests: Vec<_> = needs.iter().map(|(guest, _)| *guest).collect();
        let mut finding = if dependency.spec.boot.at_boot {
            starts_after(dependency, &guests)
        } else {
            does_not_start(dependency, &guests)
        };
        for (guest, nth) in needs.iter().take(2) {
            finding = finding.also(guest.at("dependencies").index(*nth), "needed here");
        }
        findings.add(finding);
    }
}

/// Returns a guest's turn as Proxmox reckons it: by order, those without one last, then by id.
fn turn(spec: &GuestSpec) -> (u64, Vmid) {
    (spec.boot.order.map_or(u64::MAX, u64::from), spec.vmid)
}

/// Says whether two guests may live on one node; each node starts its own.
fn are_neighbours(one: &GuestSpec, other: &GuestSpec) -> bool {
    match (&one.node, &other.node) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => true,
    }
}

fn does_not_start(dependency: &Guest, guests: &[&Guest]) -> Finding {
    let message = format!(
        "{} does not start with the host, but {}, which {} on it, {}",
        dependency.called(),
        some_of(guests),
        per(guests, "depends", "depend"),
        per(guests, "does", "do"),
    );
    Finding::new(&CODE, dependency.at("start_at_boot"), message)
        .help(format!("set `\"start_at_boot\": true` for guest {}", dependency.spec.vmid))
}

fn starts_after(dependency: &Guest, guests: &[&Guest]) -> Finding {
    let message = format!(
        "{} starts with the host only after {}, which {} on it",
        dependency.called(),
        some_of(guests),
        per(guests, "depends", "depend"),
    );
    Finding::new(&CODE, dependency.at("boot_order"), message)
        .help("give it a lower `boot_order` than theirs, or them a higher one")
        .help("equal ones start by their ids, and guests without one start last")
}
