//! Scripts and profiles that guests name must be there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use phoenix_domain::AppArmor;

use super::{Rule, Together, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::folder::Holding;
use crate::load::NOT_CHECKED;
use crate::place::Place;
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0701", Error, "a file that a guest names does not exist");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// Profiles that come with LXC and are no files of ours.
const OF_LXC: &[&str] = &[
    "generated",
    "lxc-container-default",
    "lxc-container-default-cgns",
    "lxc-container-default-with-mounting",
    "lxc-container-default-with-nesting",
    "lxc-default-with-mounting",
];

/// The files of one kind that guests name.
type Named<'s> = BTreeMap<&'s str, Together<'s>>;

fn check(scene: &Scene<'_>, findings: &Findings) {
    let (mut scripts, mut tests, mut profiles) = (Named::new(), Named::new(), Named::new());
    for guest in scene.guests {
        if let Some(script) = &guest.spec.application_script {
            add(&mut scripts, script.as_str(), guest, || guest.at("application_script"));
        }
        for (suite, scripts) in &guest.spec.tests {
            for (nth, script) in scripts.iter().enumerate() {
                add(&mut tests, script.path.as_str(), guest, || {
                    guest.at("tests").key(suite.to_string()).index(nth).key("path")
                });
            }
        }
        for check in &guest.spec.checks {
            if is_script(&check.command) {
                add(&mut tests, &check.command, guest, || guest.at("health_check"));
            }
        }
        match guest.spec.container().map(|container| &container.apparmor) {
            Some(AppArmor::Named(profile)) if !OF_LXC.contains(&profile.as_str()) => {
                add(&mut profiles, profile.as_str(), guest, || guest.at("apparmor_profile"));
            }
            Some(AppArmor::Named(_) | AppArmor::Generated | AppArmor::Unconfined) | None => {}
        }
    }
    look(scene, findings, Holding::Scripts, "application script", &scripts);
    look(scene, findings, Holding::Tests, "test script", &tests);
    look(scene, findings, Holding::Profiles, "AppArmor profile", &profiles);
}

fn add<'s>(named: &mut Named<'s>, file: &'s str, guest: &'s Guest, place: impl FnOnce() -> Place) {
    named.entry(file).or_default().add(guest, place);
}

/// Says whether a check is the name of a script below the folder of tests, and no command.
fn is_script(command: &str) -> bool {
    let is_named_so = [".sh", ".py"].iter().any(|ending| command.ends_with(ending));
    is_named_so && command.parse::<phoenix_domain::FileName>().is_ok()
}

fn look(scene: &Scene<'_>, findings: &Findings, holding: Holding, what: &str, named: &Named<'_>) {
    let Some(first) = named.values().find_map(Together::called) else { return };
    let folders: Vec<PathBuf> = scene.folder.holding(holding);
    // Texts that came without a folder have nothing beside them.
    let has_folder = !scene.folder.path().as_os_str().is_empty();
    let shown = || listed(folders.iter().map(|folder| format!("`{}`", folder.display())));
    if !has_folder || !folders.iter().any(|folder| folder.is_dir()) {
        let (count, s) = (named.len(), if named.len() == 1 { "" } else { "s" });
        let message = format!(
            "not checked: whether {count} {what}{s} that guests name exist{}",
            if count == 1 { "s" } else { "" }
        );
        findings.add(
            Finding::new(&NOT_CHECKED, first.0, message)
                .help(format!("put them into a folder beside the config; looked for: {}", shown())),
        );
        return;
    }
    for (file, guests) in named {
        if folders.iter().any(|folder| folder.join(file).is_file()) {
            continue;
        }
        let Some((place, guests)) = guests.called() else { continue };
        findings.add(
            Finding::new(&CODE, place, format!("the {what} `{file}` of {guests} does not exist"))
                .help(format!(
                    "put it into the first of these folders, all of which were looked in: {}",
                    shown()
                )),
        );
    }
}
