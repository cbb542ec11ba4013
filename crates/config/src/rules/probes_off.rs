//! What is not asked would be asked otherwise.

use phoenix_domain::health::{Declared, implied};

use super::{Rule, did_you_mean, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0718", Warning, "a probe is switched off that nothing implies");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests.iter().filter(|guest| !guest.spec.probes.is_empty()) {
        let implied = implied(&guest.spec);
        let names = || implied.iter().map(|probe| &*probe.name);
        for (nth, declared) in guest.spec.probes.iter().enumerate() {
            let Declared::Off(off) = declared else { continue };
            if names().any(|name| *name == **off) {
                continue;
            }
            let message = format!(
                "the probe `{off}` of {} is off, and nothing implies one of this name",
                guest.called()
            );
            let finding = Finding::new(&CODE, guest.at("probes").index(nth), message);
            findings.add(match did_you_mean(off, names()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!(
                    "take it out; what follows from its features is {}",
                    listed(names().map(|name| format!("`{name}`")))
                )),
            });
        }
    }
}
