//! What is set of a feature is set where it is installed, and is something it knows.

use phoenix_domain::{FeatureName, Setting};

use super::{Rule, did_you_mean, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::library::{Manifest, ParameterKind};
use crate::place::Place;
use crate::scene::{Guest, Scene};
use crate::secrets;

static ELSEWHERE: Code = code!("0309", Error, "parameters are set of a feature that is not there");
static UNKNOWN: Code = code!("0310", Error, "a feature has no parameter of this name");
static KIND: Code = code!("0311", Error, "a parameter is set to another kind of value");

pub(super) const RULE: Rule = Rule { codes: &[&ELSEWHERE, &UNKNOWN, &KIND], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        for (feature, settings) in &guest.spec.parameters {
            let place = guest.at("feature_parameters").key(feature.to_string());
            if !guest.spec.features.contains(feature) {
                findings.add(elsewhere(scene, guest, feature, place));
                continue;
            }
            // That there is no such feature is another rule's matter.
            let Some(manifest) = scene.library.feature(feature) else { continue };
            for (name, setting) in settings {
                let place = place.clone().key(name.to_string());
                match manifest.parameters.get(name.as_ref()) {
                    None => findings.add(unknown(guest, manifest, name, place)),
                    Some(parameter) if parameter.kind.is_of(setting) => {}
                    Some(parameter) => {
                        findings.add(other_kind(
                            guest,
                            feature,
                            name,
                            parameter.kind,
                            setting,
                            place,
                        ));
                    }
                }
            }
        }
    }
}

fn elsewhere(scene: &Scene<'_>, guest: &Guest, feature: &FeatureName, place: Place) -> Finding {
    let place = place.named();
    let called = guest.called();
    if let Some(ancestor) = scene.inherits_feature(guest, feature) {
        let message = format!(
            "{called} sets parameters of `{feature}`, which it inherits and does not install"
        );
        return Finding::new(&ELSEWHERE, place, message)
            .also(ancestor.at("features"), format!("`{feature}` is installed here"))
            .help(format!(
                "set them in {}; or list `{feature}` in the `features` of this guest too, so that \
                 it is brought to what is set here",
                ancestor.called()
            ));
    }
    let message =
        format!("{called} sets parameters of `{feature}`, which is not in its `features`");
    let finding = Finding::new(&ELSEWHERE, place, message);
    let own = guest.spec.features.iter().map(FeatureName::as_str);
    match did_you_mean(feature.as_str(), own) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if scene.library.feature(feature).is_some() => {
            finding.help(format!("add `{feature}` to `features`, or take its parameters out"))
        }
        None => finding.help("there is no such feature: take its parameters out"),
    }
}

fn unknown(guest: &Guest, manifest: &Manifest, name: &str, place: Place) -> Finding {
    let shown = if secrets::inside(name).is_empty() { name } else { "(not shown)" };
    let feature = &manifest.name;
    let message =
        format!("{} sets `{shown}` of `{feature}`, which has no such parameter", guest.called());
    let finding = Finding::new(&UNKNOWN, place.named(), message);
    let known = || manifest.parameters.keys().map(String::as_str);
    match did_you_mean(name, known()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if manifest.secrets.iter().any(|secret| secret == name) => {
            finding.help(format!("`{name}` is a secret: say in `secrets` where it is kept"))
        }
        None if manifest.parameters.is_empty() => {
            finding.help(format!("nothing can be set of `{feature}`: take it out"))
        }
        None => finding.help(format!("what can be set of `{feature}`: {}", listed(known()))),
    }
}

fn other_kind(
    guest: &Guest,
    feature: &FeatureName,
    name: &str,
    wanted: ParameterKind,
    setting: &Setting,
    place: Place,
) -> Finding {
    let found = match setting {
        Setting::Text(_) => "a text",
        Setting::Number(_) => "a number",
        Setting::Truth(_) => "a truth value",
        Setting::List(_) => "a list",
    };
    let (wanted, help) = match wanted {
        ParameterKind::String => ("a text", "write one text, in quotes"),
        ParameterKind::Integer => ("a whole number", "write its digits: `512`"),
        ParameterKind::Boolean => ("true or false", "write `true` or `false`, without quotes"),
        ParameterKind::Array => ("a list", "write a list of texts: `[\"a\", \"b\"]`"),
    };
    // The value is not repeated: it may be a secret in the wrong place.
    let message =
        format!("`{name}` of `{feature}` is {wanted}, and {} sets it to {found}", guest.called());
    Finding::new(&KIND, place, message).label(format!("{wanted} is expected here")).help(help)
}
