//! A template should be buildable from nothing.

use std::collections::HashSet;

use phoenix_domain::Seal;

use super::groups::per;
use super::{Rule, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0110", Warning, "a template depends on a service");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let parents: HashSet<_> = scene.guests.iter().filter_map(|guest| guest.spec.parent()).collect();
    let is_template = |guest: &Guest| match guest.spec.seal {
        Some(Seal::Template { .. }) => true,
        Some(Seal::Snapshot(_)) | None => parents.contains(&guest.spec.vmid),
    };
    for guest in scene.guests {
        if guest.spec.dependencies.is_empty() || !is_template(guest) {
            continue;
        }
        let services: Vec<_> = guest
            .spec
            .dependencies
            .iter()
            .filter_map(|dependency| scene.guest(*dependency))
            .filter(|dependency| !is_template(dependency))
            .collect();
        if services.is_empty() {
            continue;
        }
        let message = format!(
            "{}, a template, depends on {}, which {}",
            guest.called(),
            some_of(&services),
            per(&services, "is none", "are none"),
        );
        findings.add(
            Finding::new(&CODE, guest.at("dependencies"), message)
                .label("they must be up before the template can be built")
                .help("move the dependency to those clones of it that need the service"),
        );
    }
}
