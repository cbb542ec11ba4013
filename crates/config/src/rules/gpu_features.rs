//! A GPU is of use only with a driver, and a driver only with a GPU.

use phoenix_domain::FeatureName;

use super::{Rule, gpus};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static NO_DRIVER: Code = code!("0405", Warning, "a GPU is assigned and nothing makes use of it");
static NO_GPU: Code = code!("0406", Error, "a feature needs a GPU and none is assigned");

pub(super) const RULE: Rule = Rule { codes: &[&NO_DRIVER, &NO_GPU], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        if has_idle_gpu(scene, guest) {
            // What is right in the parent is right in all its clones.
            if scene.parent(guest).is_some_and(|parent| has_idle_gpu(scene, parent)) {
                continue;
            }
            let message = format!(
                "{} has {} and no feature that uses one, neither its own nor inherited",
                guest.called(),
                gpus(guest.spec.gpus.indices())
            );
            findings.add(
                Finding::new(&NO_DRIVER, guest.at("gpu_assignment"), message)
                    .help("add the feature `nvidia`, or write `\"gpu_assignment\": \"none\"`"),
            );
        }
        if guest.spec.gpus.is_empty() && guest.spec.container().is_some() {
            let features = guest.spec.features.iter().enumerate();
            for (nth, name) in features.filter(|(_, name)| needs_gpu(scene, name)) {
                let message =
                    format!("{} installs `{name}` and has no GPU assigned", guest.called());
                findings.add(
                    Finding::new(&NO_GPU, guest.at("features").index(nth), message)
                        .label("needs a GPU")
                        .help("name one: `\"gpu_assignment\": \"0\"`; or remove the feature"),
                );
            }
        }
    }
}

fn has_idle_gpu(scene: &Scene<'_>, guest: &Guest) -> bool {
    // A feature that nobody knows might be the one that uses it; another rule tells of it.
    let may_use =
        |name: &FeatureName| scene.library.feature(name).is_none_or(|known| known.needs_gpu);
    !guest.spec.gpus.is_empty() && !scene.features(guest).any(may_use) && scene.knows_lineage(guest)
}

fn needs_gpu(scene: &Scene<'_>, name: &FeatureName) -> bool {
    scene.library.feature(name).is_some_and(|known| known.needs_gpu)
}
