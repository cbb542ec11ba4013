//! Proxmox's own features of a container have fixed names and values.

use super::{Rule, did_you_mean, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code =
    code!("0607", Error, "Proxmox has no such feature of a container, or no such value");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// Those that are on or off; `mount` is none of them.
const SWITCHES: &[&str] = &["force_rw_sys", "fuse", "keyctl", "mknod", "nesting"];

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        for (key, value) in guest.spec.container().iter().flat_map(|container| &container.options) {
            let (message, help) = match &**key {
                switch if SWITCHES.contains(&switch) => {
                    if matches!(&**value, "0" | "1") {
                        continue;
                    }
                    (
                        format!("{} sets the Proxmox feature `{key}` to `{value}`", guest.called()),
                        format!("it is on or off: `{key}=1` or `{key}=0`"),
                    )
                }
                "mount" => {
                    if is_list_of_types(value) {
                        continue;
                    }
                    (
                        format!(
                            "{} may mount `{value}`, which is no list of file systems",
                            guest.called()
                        ),
                        "file systems are joined by `;`: `mount=nfs;cifs`".to_owned(),
                    )
                }
                _ => (
                    format!(
                        "{} asks for the Proxmox feature `{key}`, which does not exist",
                        guest.called()
                    ),
                    unknown(key),
                ),
            };
            let place = scene.sources.element(guest.at("pct_options"), |option| {
                option.split('=').next().is_some_and(|name| name.trim() == &**key)
            });
            findings.add(Finding::new(&CODE, place, message).help(help));
        }
    }
}

fn unknown(key: &str) -> String {
    let known = || SWITCHES.iter().copied().chain(["mount"]);
    match did_you_mean(key, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            format!("Proxmox has {}; programs to install are named in `features`", listed(known()))
        }
    }
}

fn is_list_of_types(value: &str) -> bool {
    value.split(';').all(|kind| {
        !kind.is_empty()
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    })
}
