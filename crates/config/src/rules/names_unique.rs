//! A host name is how people, DNS and the gateway tell guests apart.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0102", Error, "a host name is used twice");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut firsts: HashMap<AnyCase<'_>, &Guest> = HashMap::with_capacity(scene.guests.len());
    for guest in scene.guests {
        match firsts.entry(AnyCase(guest.spec.name.as_str())) {
            Entry::Vacant(free) => {
                free.insert(guest);
            }
            Entry::Occupied(taken) => findings.add(twice(guest, taken.get())),
        }
    }
}

fn twice(guest: &Guest, first: &Guest) -> Finding {
    let message = format!(
        "{} has the host name of {} {}",
        guest.called(),
        first.spec.kind(),
        first.spec.vmid
    );
    let mut finding = Finding::new(&CODE, guest.at("name"), message)
        .also(first.at("name"), "the first with this name")
        .help("give one of them another name");
    if guest.spec.name != first.spec.name {
        finding = finding.help("upper and lower case make no difference in a host name");
    }
    finding
}

/// A name, compared as DNS does.
struct AnyCase<'a>(&'a str);

impl PartialEq for AnyCase<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for AnyCase<'_> {}

impl Hash for AnyCase<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}
