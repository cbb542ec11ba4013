//! Containers and machines share one space of numbers.

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0101", Error, "an id is used twice");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for (nth, guest) in scene.guests.iter().enumerate() {
        let Some(first) = scene.guest(guest.spec.vmid) else { continue };
        if scene.by_id.get(&guest.spec.vmid) == Some(&nth) {
            continue;
        }
        findings.add(
            Finding::new(
                &CODE,
                guest.at.clone().named(),
                format!(
                    "{} has the id of the {} {}",
                    guest.called(),
                    first.spec.kind(),
                    first.spec.name
                ),
            )
            .also(first.at.clone().named(), "the first with this id")
            .help("containers and machines share one space of numbers: give one of them another"),
        );
    }
}
