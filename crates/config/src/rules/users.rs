//! A user without a password and without a key cannot log in.

use std::collections::HashSet;

use super::{Rule, Together};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::read::SECRET_LITERAL;
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0609", Warning, "nobody can log in as a user");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

const HELP: &str = "give it an `ssh_public_key`, or a `password_hash` that refers to a secret: `secret://path/of/it`";
const KEY_HELP: &str = "a public key is one line like `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5… name`, out of a file that ends in `.pub`";

fn check(scene: &Scene<'_>, findings: &Findings) {
    host(scene, findings);
    let mut locked_out = Together::default();
    let mut wrong_key = Together::default();
    // A hash that is written out is told already; its owner meant to let somebody in.
    let told: HashSet<_> = findings
        .places(&SECRET_LITERAL)
        .iter()
        .filter_map(|place| Some((place.file, place.entry?)))
        .collect();
    for guest in scene.guests {
        let Some(user) = guest.spec.machine().and_then(|machine| machine.user.as_ref()) else {
            continue;
        };
        let at = || guest.at("user_config");
        match &user.ssh_key {
            Some(key) if !is_public_key(key) => {
                wrong_key.add(guest, || at().key("ssh_public_key"));
            }
            Some(_) => {}
            None => {
                let is_told =
                    guest.at.entry.is_some_and(|nth| told.contains(&(guest.at.file, nth)));
                let is_open =
                    user.password_hash.is_some() || is_told || lets_in_as(scene, guest, &user.name);
                // Nobody has to log in to a template: it never runs.
                let is_template =
                    matches!(guest.spec.seal, Some(phoenix_domain::Seal::Template { .. }));
                if !is_open && !is_template {
                    locked_out.add(guest, at);
                }
            }
        }
    }
    if let Some((place, guests)) = locked_out.called() {
        let message =
            format!("nobody can log in to {guests}: the user has neither a key nor a password");
        findings.add(Finding::new(&CODE, place, message).help(HELP));
    }
    if let Some((place, guests)) = wrong_key.called() {
        let message = format!("the `ssh_public_key` of {guests} is no public key");
        findings.add(Finding::new(&CODE, place, message).help(KEY_HELP));
    }
}

fn host(scene: &Scene<'_>, findings: &Findings) {
    let Some(user) = &scene.hypervisor.users else { return };
    let name = user.username.as_deref().unwrap_or("phoenix_admin");
    let is_set = |text: &&str| !text.is_empty() && *text != "NOT_SET";
    let at = Place::of_host("users");
    match user.ssh_public_key.as_deref().filter(is_set) {
        Some(key) if !is_public_key(key) => {
            let message =
                format!("the `ssh_public_key` of the host's user `{name}` is no public key");
            findings.add(Finding::new(&CODE, at.key("ssh_public_key"), message).help(KEY_HELP));
        }
        Some(_) => {}
        None if user.password_hash.as_deref().is_some_and(|hash| is_set(&hash)) => {}
        None => {
            let message = format!(
                "nobody can log in as the host's user `{name}`, which has neither a key nor a password"
            );
            findings.add(Finding::new(&CODE, at, message).help(HELP));
        }
    }
}

/// Says whether a machine was cloned from one whose user of this name can log in.
fn lets_in_as(scene: &Scene<'_>, guest: &Guest, name: &str) -> bool {
    let users = scene.lineage(guest).filter_map(|above| above.spec.machine()?.user.as_ref());
    users
        .filter(|user| &*user.name == name)
        .any(|user| user.ssh_key.is_some() || user.password_hash.is_some())
}

/// Says whether every line of a text is a public key, as `authorized_keys` has them.
fn is_public_key(text: &str) -> bool {
    text.lines().filter(|line| !line.trim().is_empty()).all(|line| {
        let mut words = line.split_whitespace();
        let is_kind = |word: &str| {
            ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| word.starts_with(kind))
        };
        // Options may stand before the kind of the key.
        words.any(is_kind)
            && words.next().is_some_and(|key| {
                key.starts_with("AAAA")
                    // The shortest, of an Ed25519 key, has 68.
                    && key.len() >= 68
                    && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_no_public_key() {
        let key = format!("ssh-ed25519 AAAA{} me@here", "C3Nz".repeat(16));
        assert!(is_public_key(&key));
        assert!(is_public_key(&format!("from=\"10.0.0.0/8\" {key}\n{key}\n")));
        for bad in ["ssh-rsa AAAA...", "YOUR_KEY", "ssh-rsa AAAAB3 me", "/root/.ssh/id.pub"] {
            assert!(!is_public_key(bad), "{bad}");
        }
    }
}
