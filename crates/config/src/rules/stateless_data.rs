//! Whoever says that nothing is lost when a guest is set up again should know what is in it.

use super::{Rule, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0717", Warning, "a guest that keeps data is called stateless");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests.iter().filter(|guest| guest.spec.health.stateless == Some(true)) {
        let keepers: Vec<_> = guest.spec.keepers().map(|name| format!("`{name}`")).collect();
        if keepers.is_empty() {
            continue;
        }
        let message = format!(
            "{} is called stateless, and keeps data of {}",
            guest.called(),
            listed(keepers)
        );
        findings.add(
            Finding::new(&CODE, guest.at("health").key("stateless"), message)
                .label("a repair may set it up again")
                .also(guest.at("features"), "what keeps data")
                .help("take `stateless` out, unless all of that data can be made anew"),
        );
    }
}
