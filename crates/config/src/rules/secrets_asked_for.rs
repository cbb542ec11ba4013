//! A secret is given to somebody who asks for it: a feature, or a probe that needs it as its key.

use phoenix_domain::health::Declared;

use super::{Rule, did_you_mean, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0312", Warning, "no feature asks for a secret that is given");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests.iter().filter(|guest| !guest.spec.secrets.is_empty()) {
        let Some(asked) = asked_for(scene, guest) else { continue };
        for name in guest.spec.secrets.keys().map(AsRef::as_ref) {
            if !asked.contains(&name) {
                findings.add(unasked(guest, name, &asked));
            }
        }
    }
}

/// Returns the secrets that the features of a guest may ask for, if that is all who may.
fn asked_for<'s>(scene: &'s Scene<'_>, guest: &'s Guest) -> Option<Vec<&'s str>> {
    // What a script asks for, nobody declares.
    if guest.spec.application_script.is_some() || !scene.knows_lineage(guest) {
        return None;
    }
    let mut asked = Vec::new();
    for feature in scene.features(guest) {
        let manifest = scene.library.feature(feature)?;
        asked.extend(manifest.secrets.iter().map(String::as_str));
    }
    asked.extend(guest.spec.probes.iter().filter_map(|declared| match declared {
        Declared::Asked(probe) => probe.key.as_deref(),
        Declared::Off(_) => None,
    }));
    asked.sort_unstable();
    asked.dedup();
    Some(asked)
}

fn unasked(guest: &Guest, name: &str, asked: &[&str]) -> Finding {
    let message = format!(
        "{} is given the secret `{name}`, for which none of its features asks",
        guest.called()
    );
    let place = guest.at("secrets").key(name.to_owned()).named();
    let finding = Finding::new(&CODE, place, message);
    match did_you_mean(name, asked.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if asked.is_empty() => {
            finding.help("its features ask for no secret at all: take it out")
        }
        None => finding.help(format!("take it out; its features ask for {}", listed(asked))),
    }
}
