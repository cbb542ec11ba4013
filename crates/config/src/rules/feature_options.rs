//! Some features only work in a container that Proxmox gives more leave than usual.

use std::collections::BTreeMap;

use phoenix_domain::{Container, FeatureName};

use super::{Rule, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0308", Error, "a container lacks options that a feature needs");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// What is missing: an option and its value, with the guest and the feature that want it.
type Missing<'a> = BTreeMap<&'a str, (&'a str, &'a Guest, &'a FeatureName)>;

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        let Some(container) = guest.spec.container() else { continue };
        let mut missing: Missing<'_> = BTreeMap::new();
        for holder in std::iter::once(guest).chain(scene.lineage(guest)) {
            for feature in &holder.spec.features {
                let Some(manifest) = scene.library.feature(feature) else { continue };
                for (option, value) in &manifest.needs_options {
                    if !has(container, option, value) {
                        missing.entry(option).or_insert((value, holder, feature));
                    }
                }
            }
        }
        if !missing.is_empty() {
            findings.extend(told(guest, &missing));
        }
    }
}

fn has(container: &Container, option: &str, wanted: &str) -> bool {
    // The kernel keeps its keys from unprivileged containers only.
    if option == "keyctl" && !container.unprivileged {
        return true;
    }
    container.options.get(option).is_some_and(|value| match (wanted, value.as_ref()) {
        ("1", "1" | "on" | "yes" | "true") => true,
        (wanted, value) => wanted == value,
    })
}

fn told(guest: &Guest, missing: &Missing<'_>) -> Option<Finding> {
    let (_, holder, feature) = missing.values().next()?;
    let options =
        listed(missing.iter().map(|(option, (value, _, _))| format!("`{option}={value}`")));
    let mut features: Vec<_> = missing.values().map(|(_, _, feature)| *feature).collect();
    features.sort_unstable();
    features.dedup();
    let features = listed(features.iter().map(|feature| format!("`{feature}`")));
    let what = if missing.len() == 1 { "option" } else { "options" };
    let message = format!("{} has {features}, but not the {what} {options}", guest.called());
    let whose = if std::ptr::eq(*holder, guest) {
        format!("`{feature}` cannot work without")
    } else {
        format!("`{feature}` is inherited from {}", holder.called())
    };
    let finding =
        Finding::new(&CODE, guest.at("pct_options"), message).also(holder.at("features"), whose);
    let written = guest.spec.container().map(|container| &container.options)?;
    let all = written
        .iter()
        .filter(|(option, _)| !missing.contains_key(option.as_ref()))
        .map(|(option, value)| (option.as_ref(), value.as_ref()))
        .chain(missing.iter().map(|(option, (value, _, _))| (*option, *value)))
        .map(|(option, value)| format!("\"{option}={value}\""));
    let all: Vec<_> = all.collect();
    Some(
        finding
            .help(format!("write `\"pct_options\": [{}]`", all.join(", ")))
            .help("a clone does not take the options of its parent: each says its own"),
    )
}
