//! Memory, swap and cores are amounts that a guest can run with and a host can give.

use phoenix_domain::Kind;

use super::{Rule, not_checked};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::inventory::Inventory;
use crate::scene::{Guest, Scene};

static IMPOSSIBLE: Code = code!("0501", Error, "memory or cores that no guest can have");
static UNLIKELY: Code = code!("0502", Warning, "memory that is probably meant in another unit");

pub(super) const RULE: Rule = Rule { codes: &[&IMPOSSIBLE, &UNLIKELY], check };

/// Proxmox refuses less, in MiB.
const LEAST: u64 = 16;

/// No distribution starts with less, in MiB: GiB were meant.
const LIKELY_LEAST: u64 = 64;

/// 4 TiB in MiB: bytes or KiB were meant.
const LIKELY_MOST: u64 = 4 * 1024 * 1024;

/// Proxmox refuses more.
const MOST_CORES: u32 = 8192;

const UNIT: &str = "the unit is MiB: 8 GiB are written `8192`";

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut unchecked = None;
    for guest in scene.guests {
        let facts = scene.facts_for(guest);
        let is_known =
            facts.is_some_and(|facts| facts.memory_mb.is_some() && facts.cores.is_some());
        if !is_known && !fits_everywhere(guest) {
            unchecked = unchecked.or(Some(guest));
        }
        memory(guest, facts, findings);
        swap(guest, findings);
        cores(guest, facts, findings);
    }
    if let Some(guest) = unchecked {
        let whether = "the host has the memory and the cores that single guests ask for";
        findings.add(not_checked(guest.at("memory_mb"), whether));
    }
}

/// Says whether a guest asks for no more than any host has: what it would get without asking.
fn fits_everywhere(guest: &Guest) -> bool {
    guest.spec.memory.0 <= 512 && guest.spec.cores.is_none_or(|cores| cores <= 1)
}

fn memory(guest: &Guest, facts: Option<&Inventory>, findings: &Findings) {
    let (memory, place) = (guest.spec.memory, || guest.at("memory_mb"));
    let on_host = facts.and_then(|facts| facts.memory_mb);
    if memory.0 < LEAST {
        let message = format!("{} has {memory} of memory", guest.called());
        findings.add(
            Finding::new(&IMPOSSIBLE, place(), message)
                .label(format!("Proxmox refuses less than {LEAST}"))
                .help(UNIT),
        );
    } else if let Some(on_host) = on_host.filter(|on_host| memory.0 > *on_host) {
        let message =
            format!("{} may use {memory}, and the host has {on_host} MiB", guest.called());
        findings.add(
            Finding::new(&IMPOSSIBLE, place(), message)
                .label("more than there is")
                .help("lower `memory_mb`, or correct the inventory")
                .help(UNIT),
        );
    } else if memory.0 < LIKELY_LEAST || memory.0 > LIKELY_MOST {
        let message = format!("{} has {memory} of memory", guest.called());
        findings.add(Finding::new(&UNLIKELY, place(), message).label("is it MiB?").help(UNIT));
    }
}

fn swap(guest: &Guest, findings: &Findings) {
    let swap = guest.spec.container().and_then(|container| container.swap);
    if let Some(swap) = swap.filter(|swap| swap.0 > LIKELY_MOST) {
        let message = format!("{} has {swap} of swap", guest.called());
        let finding = Finding::new(&UNLIKELY, guest.at("swap_mb"), message);
        findings.add(finding.label("is it MiB?").help(UNIT));
    }
}

fn cores(guest: &Guest, facts: Option<&Inventory>, findings: &Findings) {
    let Some(cores) = guest.spec.cores else { return };
    let on_host = facts.and_then(|facts| facts.cores).filter(|on_host| cores > *on_host);
    let (label, help) = match (cores, on_host) {
        (0, _) => match guest.spec.kind() {
            Kind::Container => {
                ("no cores", "give it at least 1 core, or leave `cores` out for all of them")
            }
            Kind::Machine => ("no cores", "give it at least 1 core"),
        },
        (MOST_CORES.., None) if cores > MOST_CORES => ("too many", "Proxmox takes up to 8192"),
        (_, Some(_)) => ("more than there are", "lower `cores`, or correct the inventory"),
        (_, None) => return,
    };
    let message = match on_host {
        Some(on_host) => {
            format!("{} wants {cores} cores, and the host has {on_host}", guest.called())
        }
        None => format!("{} wants {cores} cores", guest.called()),
    };
    findings.add(Finding::new(&IMPOSSIBLE, guest.at("cores"), message).label(label).help(help));
}
