//! What is done for webhooks can be done, with guests that there are.

use std::borrow::Cow;

use phoenix_hooks::RawWebhooks;

use super::guests_known::{are, near};
use super::{Rule, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::{File, Place};
use crate::scene::Scene;

static CODE: Code = code!("0930", Error, "webhooks cannot be taken as they are written");
static GUEST: Code = code!("0931", Error, "webhooks name a guest that does not exist");

pub(super) const RULE: Rule = Rule { codes: &[&CODE, &GUEST], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let Some(raw) = scene.webhooks else { return };
    for wrong in raw.read().map(drop).err().into_iter().flatten() {
        let message = format!("`webhooks.{}` cannot be used: {}", wrong.field, wrong.what);
        findings.add(Finding::new(&CODE, place(&wrong.field), message).help(wrong.rule));
    }
    // A host is set up before it has guests.
    if [File::Lxc, File::Vm].into_iter().any(|file| scene.sources.get(file).is_some()) {
        unknown_guests(scene, raw, findings);
    }
}

fn unknown_guests(scene: &Scene<'_>, raw: &RawWebhooks, findings: &Findings) {
    let named = raw.guests().into_iter().filter(|(_, guest)| !scene.knows(*guest));
    for (nth, (field, guest)) in named.enumerate() {
        let message = format!("`webhooks.{field}` is guest {guest}, which does not exist");
        let finding = Finding::new(&GUEST, place(&field), message).label("not in any of the files");
        let near: Vec<_> = near(scene, guest, nth)
            .into_iter()
            .map(|guest| format!("{} ({})", guest.spec.vmid, guest.spec.name))
            .collect();
        let finding = match near.as_slice() {
            [] => finding,
            near => finding.help(format!("near it there {} {}", are(near.len()), listed(near))),
        };
        findings.add(
            finding.help("correct the id, take it out, or describe the guest in one of the files"),
        );
    }
}

/// Returns the place of a field, named by the way to it: `rules[0].window.days[1]`.
fn place(field: &str) -> Place {
    let mut place = Place::of_host("webhooks");
    for part in field.split('.') {
        let mut names = part.split('[');
        let key = names.next().unwrap_or_default().to_owned();
        place = place.key(Cow::Owned(key));
        for index in names.filter_map(|index| index.trim_end_matches(']').parse().ok()) {
            place = place.index(index);
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_the_way_to_it() {
        let way =
            Place::of_host("webhooks").key("rules").index(0).key("window").key("days").index(1);
        assert_eq!(place("rules[0].window.days[1]"), way);
        assert_eq!(place("fleet"), Place::of_host("webhooks").key("fleet"));
    }
}
