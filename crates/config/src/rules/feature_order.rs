//! Features are installed in the order in which they are written, each once.

use phoenix_domain::FeatureName;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static ORDER: Code = code!("0305", Warning, "features are in an unlucky order");
static TWICE: Code = code!("0307", Warning, "a feature is listed twice");

pub(super) const RULE: Rule = Rule { codes: &[&ORDER, &TWICE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        let features = &guest.spec.features;
        for (nth, feature) in features.iter().enumerate() {
            let first = features.iter().position(|other| other == feature);
            if let Some(first) = first.filter(|first| *first < nth) {
                findings.add(twice(guest, feature, first, nth));
                continue;
            }
            let Some(manifest) = scene.library.feature(feature) else { continue };
            // What it needs is another rule's matter.
            for earlier in manifest.after.iter().filter(|other| !manifest.needs.contains(other)) {
                let at = features.iter().position(|other| other == earlier);
                if let Some(at) = at.filter(|at| *at > nth) {
                    findings.add(unlucky(guest, feature, nth, earlier, at));
                }
            }
        }
    }
}

fn twice(guest: &Guest, feature: &FeatureName, first: usize, nth: usize) -> Finding {
    let message = format!("{} lists the feature `{feature}` twice", guest.called());
    Finding::new(&TWICE, guest.at("features").index(nth), message)
        .also(guest.at("features").index(first), "the first")
        .help("take one of them out")
}

fn unlucky(
    guest: &Guest,
    feature: &FeatureName,
    nth: usize,
    earlier: &FeatureName,
    at: usize,
) -> Finding {
    let message =
        format!("{} installs `{feature}` before `{earlier}`, and will not find it", guest.called());
    Finding::new(&ORDER, guest.at("features").index(nth), message)
        .also(guest.at("features").index(at), "installed only afterwards")
        .help(format!(
            "put `{earlier}` before `{feature}`: where a guest has both, `{feature}` makes use \
             of it"
        ))
}
