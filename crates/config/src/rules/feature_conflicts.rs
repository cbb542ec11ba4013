//! Not every feature goes with every guest, or with every other feature.

use std::collections::HashMap;

use phoenix_domain::{FeatureName, Kind};

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CONFLICT: Code = code!("0303", Error, "two features exclude each other");
static KIND: Code = code!("0304", Error, "a feature is not for this kind of guest");

pub(super) const RULE: Rule = Rule { codes: &[&CONFLICT, &KIND], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let foes = foes(scene);
    for guest in scene.guests {
        for (nth, feature) in guest.spec.features.iter().enumerate() {
            let Some(manifest) = scene.library.feature(feature) else { continue };
            if !manifest.suits(guest.spec.kind()) {
                findings.add(unsuited(guest, nth, feature));
            }
            for foe in foes.get(feature).into_iter().flatten() {
                findings.extend(excluded(scene, guest, nth, feature, foe));
            }
        }
    }
}

/// Returns the features that exclude each feature, whichever of the two says so.
fn foes<'a>(scene: &'a Scene<'_>) -> HashMap<&'a FeatureName, Vec<&'a FeatureName>> {
    let mut foes: HashMap<_, Vec<_>> = HashMap::new();
    let mut add = |of, foe| {
        let foes = foes.entry(of).or_default();
        if !foes.contains(&foe) {
            foes.push(foe);
        }
    };
    for manifest in scene.library.features() {
        for other in &manifest.conflicts {
            add(&manifest.name, other);
            add(other, &manifest.name);
        }
    }
    foes
}

fn unsuited(guest: &Guest, nth: usize, feature: &FeatureName) -> Finding {
    let (kind, others) = match guest.spec.kind() {
        Kind::Container => ("container", "virtual machines"),
        Kind::Machine => ("virtual machine", "containers"),
    };
    let message =
        format!("{} is a {kind}, but the feature `{feature}` is for {others} only", guest.called());
    Finding::new(&KIND, guest.at("features").index(nth), message)
        .help(format!("take `{feature}` out, or make a guest of the other kind for it"))
}

fn excluded(
    scene: &Scene<'_>,
    guest: &Guest,
    nth: usize,
    feature: &FeatureName,
    foe: &FeatureName,
) -> Option<Finding> {
    let place = guest.at("features").index(nth);
    let own = guest.spec.features.iter().position(|other| other == foe);
    if let Some(own) = own {
        // The later of the two tells.
        return (own < nth).then(|| {
            let message = format!(
                "{} has both `{foe}` and `{feature}`, which exclude each other",
                guest.called()
            );
            Finding::new(&CONFLICT, place, message)
                .also(guest.at("features").index(own), format!("excludes `{feature}`"))
                .help("take one of the two out, or give each a guest of its own")
        });
    }
    let ancestor = scene.inherits_feature(guest, foe)?;
    let message = format!(
        "{} has `{feature}`, but inherits `{foe}`, and the two exclude each other",
        guest.called()
    );
    Some(
        Finding::new(&CONFLICT, place, message)
            .also(ancestor.at("features"), format!("`{foe}` comes from here"))
            .help(format!("take `{feature}` out, or clone from a guest without `{foe}`")),
    )
}
