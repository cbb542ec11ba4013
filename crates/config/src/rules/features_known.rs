//! A feature is a folder of the library; one that is not there cannot be installed.

use super::{Rule, did_you_mean, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0301", Error, "a feature is not in the library");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let known = || scene.library.features().map(|feature| feature.name.as_str());
    for guest in scene.guests {
        for (nth, feature) in guest.spec.features.iter().enumerate() {
            if scene.library.feature(feature).is_some() {
                continue;
            }
            let message = format!(
                "{} asks for the feature `{feature}`, which does not exist",
                guest.called()
            );
            let finding = Finding::new(&CODE, guest.at("features").index(nth), message)
                .label("not in the library");
            findings.add(match did_you_mean(feature.as_str(), known()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!(
                    "there are {}; one of your own is a folder in `/etc/phoenix/features`, or in one that `--features DIR` or PHOENIX_FEATURES names",
                    listed(known())
                )),
            });
        }
    }
}
