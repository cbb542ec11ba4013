//! A clone has what its parents have.

use phoenix_domain::FeatureName;

use super::groups::{Groups, per};
use super::{Rule, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0306", Note, "a feature is inherited already");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut inherited: Groups<&FeatureName, (&Guest, usize, &Guest)> = Groups::new();
    for guest in scene.guests.iter().filter(|guest| guest.spec.parent().is_some()) {
        for (nth, feature) in guest.spec.features.iter().enumerate() {
            if let Some(ancestor) = scene.inherits_feature(guest, feature) {
                inherited.add(feature, (guest, nth, ancestor));
            }
        }
    }
    for (feature, found) in inherited.into_iter() {
        let Some((first, nth, ancestor)) = found.first() else { continue };
        let guests: Vec<_> = found.iter().map(|(guest, _, _)| *guest).collect();
        let message = format!(
            "{} {} `{feature}`, which {} cloned from brings already",
            some_of(&guests),
            per(&guests, "lists", "list"),
            per(&guests, "a guest it is", "a guest they are"),
        );
        findings.add(
            Finding::new(&CODE, first.at("features").index(*nth), message)
                .also(ancestor.at("features"), format!("{} has it", ancestor.called()))
                .help("it does no harm: on every run it is looked at and found to be there"),
        );
    }
}
