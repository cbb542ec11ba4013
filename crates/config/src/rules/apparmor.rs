//! AppArmor can be set in four places, and they can contradict each other.

use phoenix_domain::{AppArmor, Container, RawLine};

use super::{Rule, Together};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CONTRADICTORY: Code = code!("0603", Warning, "AppArmor settings contradict each other");
static TWICE: Code = code!("0604", Note, "an AppArmor setting is written twice");

pub(super) const RULE: Rule = Rule { codes: &[&CONTRADICTORY, &TWICE], check };

const PROFILE: &str = "lxc.apparmor.profile";
const NESTING: &str = "lxc.apparmor.allow_nesting";

/// The guests of which the same is said.
#[derive(Default)]
struct Groups<'s> {
    idle_unconfined: Together<'s>,
    idle_generated: Together<'s>,
    profile_twice: Together<'s>,
    nesting_twice: Together<'s>,
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut groups = Groups::default();
    for guest in scene.guests {
        if let Some(container) = guest.spec.container() {
            look_at(scene, guest, container, &mut groups, findings);
        }
    }
    let idle = [
        (groups.idle_unconfined, "unconfined"),
        (groups.idle_generated, "the one Proxmox generates"),
    ];
    for (guests, profile) in idle {
        let Some((place, guests)) = guests.called() else { continue };
        let message = format!(
            "`apparmor_manages_nesting` has no effect in {guests}: the profile is {profile}"
        );
        findings.add(Finding::new(&CONTRADICTORY, place, message).help(
            "remove it: it belongs to a named profile; everywhere else nesting is `nesting=1` in `pct_options`",
        ));
    }
    for (guests, key, line) in [
        (groups.profile_twice, "apparmor_profile", PROFILE),
        (groups.nesting_twice, "apparmor_manages_nesting", NESTING),
    ] {
        let Some((place, guests)) = guests.called() else { continue };
        let message = format!("`{key}` and a raw line `{line}` say the same in {guests}");
        findings.add(
            Finding::new(&TWICE, place, message)
                .help(format!("remove the line from `lxc_options`: `{key}` writes it")),
        );
    }
}

fn look_at<'s>(
    scene: &'s Scene<'_>,
    guest: &'s Guest,
    container: &Container,
    groups: &mut Groups<'s>,
    findings: &Findings,
) {
    let key = match &container.apparmor {
        AppArmor::Generated => None,
        AppArmor::Unconfined => Some("unconfined"),
        AppArmor::Named(name) => Some(name.as_str()),
    };
    let line = raw(container, PROFILE);
    let at_line = |key: &'static str| {
        scene
            .sources
            .element(guest.at("lxc_options"), move |line| line.trim_start().starts_with(key))
    };
    if let (Some(key), Some(line)) = (key, line) {
        if key != &*line.value {
            let message = format!(
                "{} has two AppArmor profiles: `{key}`, and `{}` in a raw line",
                guest.called(),
                line.value
            );
            findings.add(
                Finding::new(&CONTRADICTORY, guest.at("apparmor_profile"), message)
                    .also(at_line(PROFILE), "the other one")
                    .help("keep `apparmor_profile` with the one that is meant and remove the raw line"),
            );
            return;
        }
        groups.profile_twice.add(guest, || at_line(PROFILE));
    }

    let managed = container.apparmor_nesting;
    let name = match key.or_else(|| line.map(|line| &*line.value)) {
        Some("unconfined") => {
            if managed {
                groups.idle_unconfined.add(guest, || guest.at("apparmor_manages_nesting"));
            }
            return;
        }
        None | Some("generated") => {
            if managed {
                groups.idle_generated.add(guest, || guest.at("apparmor_manages_nesting"));
            }
            return;
        }
        Some(name) => name,
    };
    if container.options.get("nesting").is_some_and(|value| &**value == "1") {
        let nesting = scene
            .sources
            .element(guest.at("pct_options"), |option| option.trim_start().starts_with("nesting"));
        let message = format!(
            "{} asks for `nesting=1`, but its own AppArmor profile `{name}` stands in the way of Proxmox's rules for it",
            guest.called()
        );
        findings.add(
            Finding::new(&CONTRADICTORY, nesting, message)
                .also(guest.at("apparmor_profile"), "the profile that Proxmox uses as it is")
                .help(format!("Proxmox adds rules for nesting only to the profile that it generates: see that `{name}` allows what is wanted, or leave the profile out")),
        );
    }
    let Some(nesting) = raw(container, NESTING) else { return };
    let at_key = guest.at("apparmor_manages_nesting");
    let is_written = scene.sources.value(&at_key).is_some_and(|value| value != "null");
    if (&*nesting.value == "1") == managed {
        if managed {
            groups.nesting_twice.add(guest, || at_line(NESTING));
        }
    } else if is_written {
        let message = format!(
            "{} has `apparmor_manages_nesting` {managed}, and `{NESTING}={}` in a raw line",
            guest.called(),
            nesting.value
        );
        findings.add(
            Finding::new(&CONTRADICTORY, at_key, message)
                .also(at_line(NESTING), "this says the opposite")
                .help("keep the key with what is meant and remove the raw line"),
        );
    }
}

/// Returns the raw line with this key that counts: the last.
fn raw<'c>(container: &'c Container, key: &str) -> Option<&'c RawLine> {
    container.raw_lines.iter().rev().find(|line| &*line.key == key)
}
