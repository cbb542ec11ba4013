//! A feature is installed on top of others, which must be there before it.

use phoenix_domain::FeatureName;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0302", Error, "a feature's prerequisite is missing");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        for (nth, feature) in guest.spec.features.iter().enumerate() {
            let Some(manifest) = scene.library.feature(feature) else { continue };
            for need in &manifest.needs {
                let own = guest.spec.features.iter().position(|other| other == need);
                if own.is_some_and(|own| own < nth) || scene.inherits_feature(guest, need).is_some()
                {
                    continue;
                }
                match own {
                    Some(own) => findings.add(too_late(guest, feature, nth, need, own)),
                    // What a parent that cannot be read brings, nobody knows.
                    None if scene.knows_lineage(guest) => {
                        findings.add(missing(scene, guest, feature, nth, need));
                    }
                    None => {}
                }
            }
        }
    }
}

fn too_late(
    guest: &Guest,
    feature: &FeatureName,
    nth: usize,
    need: &FeatureName,
    own: usize,
) -> Finding {
    let message = format!(
        "{} installs `{feature}` before `{need}`, which it needs to be there",
        guest.called()
    );
    Finding::new(&CODE, guest.at("features").index(nth), message)
        .also(guest.at("features").index(own), "installed only afterwards")
        .help(format!("put `{need}` before `{feature}`: features are installed in this order"))
}

fn missing(
    scene: &Scene<'_>,
    guest: &Guest,
    feature: &FeatureName,
    nth: usize,
    need: &FeatureName,
) -> Finding {
    let message = format!(
        "{} has the feature `{feature}`, but neither it nor a guest it is cloned from has \
         `{need}`, which `{feature}` needs",
        guest.called()
    );
    let finding = Finding::new(&CODE, guest.at("features").index(nth), message)
        .label(format!("needs `{need}`"));
    // Where the feature is installed first, its prerequisite helps everybody behind.
    let first =
        scene.lineage(guest).filter(|ancestor| ancestor.spec.features.contains(feature)).last();
    match first {
        Some(first) => finding
            .also(first.at("features"), format!("`{feature}` is installed here first"))
            .help(format!("add `{need}` before `{feature}` in {}", first.called())),
        None => finding.help(format!("add `{need}` before `{feature}`")),
    }
}
