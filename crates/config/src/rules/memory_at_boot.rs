//! What starts with the host has to fit into its memory.

use std::collections::BTreeMap;

use phoenix_domain::{MebiBytes, NodeName, Seal};

use super::{Rule, listed, not_checked, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0503", Warning, "the guests that start at boot do not fit into memory");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut nodes: BTreeMap<Option<&NodeName>, Vec<&Guest>> = BTreeMap::new();
    for guest in scene.guests.iter().filter(|guest| guest.spec.boot.at_boot) {
        // A Proxmox template never runs.
        if !matches!(guest.spec.seal, Some(Seal::Template { .. })) {
            nodes.entry(guest.spec.node.as_ref()).or_default().push(guest);
        }
    }
    let mut unchecked = None;
    for guests in nodes.values() {
        let Some(first) = guests.first() else { continue };
        match scene.facts_for(first).and_then(|facts| facts.memory_mb) {
            Some(on_host) => fits(scene, guests, MebiBytes(on_host), findings),
            None => unchecked = unchecked.or(Some(first)),
        }
    }
    if let Some(first) = unchecked {
        let whether = "the guests that start at boot fit into the memory of the host";
        findings.add(not_checked(first.at("start_at_boot"), whether));
    }
}

fn fits(scene: &Scene<'_>, guests: &[&Guest], on_host: MebiBytes, findings: &Findings) {
    const NAMED: usize = 3;
    let wanted: MebiBytes = guests.iter().map(|guest| guest.spec.memory).sum();
    let zfs = scene.hypervisor.zfs.as_ref().and_then(|zfs| zfs.arc_max_gb);
    let cache = zfs.map(|gibibytes| MebiBytes(gibibytes.0.saturating_mul(1024)));
    let cache = cache.filter(|cache| cache.0 > 0);
    let all: MebiBytes = cache.into_iter().chain([wanted]).sum();
    if all <= on_host {
        return;
    }

    let mut largest = guests.to_vec();
    largest.sort_by_key(|guest| std::cmp::Reverse(guest.spec.memory));
    largest.truncate(NAMED);
    let Some(first) = largest.first() else { return };
    let beside = cache.map(|cache| format!(" and the cache of ZFS {cache}")).unwrap_or_default();
    let start = if guests.len() == 1 { "starts" } else { "start" };
    let message = format!(
        "{} {start} with the host and may use {wanted}{beside}, but the host has {on_host}",
        some_of(guests)
    );
    let mut finding = Finding::new(&CODE, first.at("memory_mb"), message);
    if cache.is_some() {
        let place = Place::of_host("zfs").key("arc_max_gb");
        finding = finding.also(place, "what ZFS may use, in GiB");
    }
    let shown =
        largest.iter().map(|guest| format!("{} with {}", guest.spec.vmid, guest.spec.memory));
    findings.add(
        finding
            .help(format!("the largest: {}", listed(shown)))
            .help("a limit is not reserved, but once it is used the kernel kills processes: lower `memory_mb`, or let fewer start at boot"),
    );
}
