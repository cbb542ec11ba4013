//! The host's firewall is looked for at the top of its file, and nowhere else.

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::{File, Place, Segment};
use crate::scene::{Ignored, Scene};

static CODE: Code = code!("0804", Error, "the firewall stands where it has no effect");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// Keys of the firewall; one that a shared volume has is the firewall in the wrong place.
const KEYS: &[&str] =
    &["default_input_policy", "default_output_policy", "enabled", "global_firewall_rules"];

fn check(scene: &Scene<'_>, findings: &Findings) {
    let Some(ignored) = scene.ignored.iter().find(|ignored| is_firewall(ignored)) else { return };
    let mut place = ignored.place.clone().named();
    place.path.pop();
    let finding = Finding::new(
        &CODE,
        place,
        "the host's `firewall` stands in `shared_volumes`, where it has no effect: the firewall stays off",
    );
    findings.add(match scene.hypervisor.firewall {
        None => finding
            .help("move the whole block to the top level of the file, beside `shared_volumes`"),
        Some(_) => finding
            .also(Place::of_host("firewall").named(), "the one that counts")
            .help("remove it here; what it says belongs into the one at the top level"),
    });
}

/// Says whether a key that nobody asks for belongs to a firewall among the shared volumes.
pub(super) fn is_firewall(ignored: &Ignored) -> bool {
    match (ignored.place.file, ignored.place.path.as_slice()) {
        (File::Hypervisor, [Segment::Key(volumes), Segment::Key(_), Segment::Key(key)]) => {
            volumes == "shared_volumes" && KEYS.contains(&key.as_ref())
        }
        (_, _) => false,
    }
}
