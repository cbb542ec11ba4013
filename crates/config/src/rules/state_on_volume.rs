//! Data that somebody would miss lies on a volume, not on the root disk.

use std::collections::BTreeMap;

use phoenix_domain::{FeatureName, Seal};

use super::{Rule, listed, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::library::Manifest;
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0511", Warning, "data is kept on a root disk");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let keeps_state = |name: &FeatureName| {
        scene.library.feature(name).is_some_and(|feature| !feature.state.is_empty())
    };
    if !scene.guests.iter().any(|guest| guest.spec.features.iter().any(keeps_state)) {
        return;
    }
    let mut lost: BTreeMap<&FeatureName, (&Manifest, Vec<&Guest>)> = BTreeMap::new();
    let mut parents = None;
    for guest in scene.guests {
        for name in scene.features(guest) {
            let Some(feature) = scene.library.feature(name) else { continue };
            if feature.state.is_empty() || feature.state.iter().any(|dir| is_kept(guest, dir)) {
                continue;
            }
            let has_clones =
                parents.get_or_insert_with(|| scene.parents()).contains(&guest.spec.vmid);
            if is_only_template(guest, has_clones) {
                break;
            }
            let (_, guests) = lost.entry(name).or_insert_with(|| (feature, Vec::new()));
            if guests.last().is_none_or(|last| last.spec.vmid != guest.spec.vmid) {
                guests.push(guest);
            }
        }
    }
    for (name, (feature, guests)) in lost {
        let Some(first) = guests.first() else { continue };
        let own = first.spec.features.iter().position(|own| own == name);
        let place = match own {
            Some(nth) => first.at("features").index(nth),
            None => first.at.clone().named(),
        };
        let dirs = listed(feature.state.iter().map(|dir| format!("`{dir}`")));
        let message =
            format!("`{name}` keeps its data in {dirs}, on the root disk of {}", some_of(&guests));
        findings.add(Finding::new(&CODE, place, message).help(format!(
            "mount a volume there, so that the data outlives the guest: `\"volumes\": [ {{ \
             \"name\": \"data\", \"pool\": …, \"size_gb\": …, \"mount_point\": \"{}\" }} ]`",
            feature.state.first().map_or("/", String::as_str)
        )));
    }
}

/// Says whether a directory lies on a mounted volume.
fn is_kept(guest: &Guest, dir: &str) -> bool {
    let dir = dir.trim_end_matches('/');
    guest.spec.volumes.iter().any(|volume| {
        dir.strip_prefix(volume.place.place())
            .is_some_and(|below| below.is_empty() || below.starts_with('/'))
    })
}

/// Says whether a guest serves nobody and is there to be cloned.
fn is_only_template(guest: &Guest, has_clones: bool) -> bool {
    match guest.spec.seal {
        Some(Seal::Template { .. }) => true,
        Some(Seal::Snapshot(_)) | None => {
            has_clones && guest.spec.ports.is_empty() && guest.spec.checks.is_empty()
        }
    }
}
