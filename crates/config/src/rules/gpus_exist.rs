//! A guest can only be given a GPU that the host has.

use std::collections::BTreeMap;

use phoenix_domain::GpuSet;

use super::{Rule, gpus, listed, not_checked, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0401", Error, "a GPU is not on the host");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut missing: BTreeMap<u8, Vec<&Guest>> = BTreeMap::new();
    let mut lost: Vec<&Guest> = Vec::new();
    let mut unchecked: Vec<&Guest> = Vec::new();
    for guest in scene.guests.iter().filter(|guest| !guest.spec.gpus.is_empty()) {
        match scene.facts_for(guest).and_then(|facts| facts.gpus.as_ref()) {
            None => unchecked.push(guest),
            Some(there) if there.is_empty() => lost.push(guest),
            Some(there) => {
                for index in guest.spec.gpus.indices() {
                    if there.iter().all(|gpu| gpu.index != *index) {
                        missing.entry(*index).or_default().push(guest);
                    }
                }
            }
        }
    }

    if let Some(first) = lost.first() {
        let message =
            format!("{} {} a GPU, and the host has none", some_of(&lost), want(lost.len()));
        findings.add(
            Finding::new(&CODE, first.at("gpu_assignment"), message)
                .help("write `\"gpu_assignment\": \"none\"`, or correct `gpus` of the inventory"),
        );
    }
    for (index, guests) in missing {
        let Some(first) = guests.first() else { continue };
        let message = format!(
            "{} {} GPU {index}, which is not on the host",
            some_of(&guests),
            want(guests.len())
        );
        let there = scene.inventory.and_then(|facts| facts.gpus.as_ref()).into_iter().flatten();
        let there = listed(there.map(|gpu| gpu.index));
        findings.add(
            Finding::new(&CODE, first.at("gpu_assignment"), message)
                .help(format!("give one that is there ({there}), or correct the inventory")),
        );
    }
    if let Some(first) = unchecked.first() {
        let mut indices: Vec<u8> =
            unchecked.iter().flat_map(|guest| GpuSet::indices(&guest.spec.gpus)).copied().collect();
        indices.sort_unstable();
        indices.dedup();
        let exist = if indices.len() == 1 { "exists" } else { "exist" };
        let whether = format!("{} {exist}", gpus(&indices));
        findings.add(not_checked(first.at("gpu_assignment"), &whether));
    }
}

fn want(guests: usize) -> &'static str {
    if guests == 1 { "wants" } else { "want" }
}
