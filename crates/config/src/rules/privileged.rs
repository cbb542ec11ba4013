//! Root of a privileged container is root of the host.

use super::{Rule, Together};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static KEYCTL: Code = code!("0601", Warning, "keyctl in a privileged container has no effect");
static PRIVILEGED: Code = code!("0602", Warning, "a container is privileged");

pub(super) const RULE: Rule = Rule { codes: &[&KEYCTL, &PRIVILEGED], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let (mut keyctl, mut privileged) = (Together::default(), Together::default());
    for guest in scene.guests {
        let Some(container) = guest.spec.container() else { continue };
        if container.unprivileged {
            continue;
        }
        privileged.add(guest, || guest.at("unprivileged"));
        if container.options.get("keyctl").is_some_and(|value| &**value == "1") {
            keyctl.add(guest, || {
                let list = guest.at("pct_options");
                scene.sources.element(list, |option| option.trim_start().starts_with("keyctl"))
            });
        }
    }
    if let Some((place, guests)) = keyctl.called() {
        findings.add(
            Finding::new(&KEYCTL, place, format!("`keyctl=1` has no effect in {guests}, as it is only for unprivileged containers"))
                .help("a privileged container may use keys anyway: remove the option, or make the container unprivileged"),
        );
    }
    if let Some((place, guests)) = privileged.called() {
        findings.add(
            Finding::new(
                &PRIVILEGED,
                place,
                format!("root of {guests} is root of the host: privileged"),
            )
            .help("write `\"unprivileged\": true`; Proxmox cannot change it later, so the guest has to be created anew"),
        );
    }
}
