//! What a clone is made of is fixed by its parent.

use phoenix_domain::Kind;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static KIND: Code = code!("0105", Error, "a parent is of the other kind");
static PRIVILEGE: Code = code!("0106", Error, "`unprivileged` differs from the parent's");
static SIZE: Code = code!("0112", Error, "a clone's root disk is smaller than its parent's");

pub(super) const RULE: Rule = Rule { codes: &[&KIND, &PRIVILEGE, &SIZE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        let Some(parent) = scene.parent(guest) else { continue };
        if parent.spec.kind() != guest.spec.kind() {
            findings.add(other_kind(guest, parent));
            continue;
        }
        findings.extend(other_privilege(guest, parent));
        findings.extend(smaller(guest, parent));
    }
}

fn other_kind(guest: &Guest, parent: &Guest) -> Finding {
    let (kind, parents) = match guest.spec.kind() {
        Kind::Container => ("container", "virtual machine"),
        Kind::Machine => ("virtual machine", "container"),
    };
    let message = format!(
        "{}, a {kind}, is cloned from the {parents} {} ({})",
        guest.called(),
        parent.spec.vmid,
        parent.spec.name
    );
    Finding::new(&KIND, guest.at("clone_from_ctid"), message)
        .also(parent.at.clone().named(), format!("a {parents}"))
        .help(format!("Proxmox clones each kind from its own: name a {kind} as the parent"))
}

fn other_privilege(guest: &Guest, parent: &Guest) -> Option<Finding> {
    let (own, parents) = (guest.spec.container()?, parent.spec.container()?);
    if guest.inherits.unprivileged || own.unprivileged == parents.unprivileged {
        return None;
    }
    let word = |unprivileged| if unprivileged { "unprivileged" } else { "privileged" };
    let (wanted, given) = (word(own.unprivileged), word(parents.unprivileged));
    let message = format!(
        "{} is meant to be {wanted}, but its parent, {}, is {given}",
        guest.called(),
        parent.called()
    );
    Some(
        Finding::new(&PRIVILEGE, guest.at("unprivileged"), message)
            .label(format!("the clone will be {given}"))
            .also(parent.at("unprivileged"), format!("{given}, and so are its clones"))
            .help("a clone takes this from its parent, and Proxmox never changes it afterwards")
            .help(format!("take `unprivileged` out here, or clone from a parent that is {wanted}")),
    )
}

fn smaller(guest: &Guest, parent: &Guest) -> Option<Finding> {
    let (own, parents) = (guest.spec.root_disk.size, parent.spec.root_disk.size);
    if guest.inherits.size || own >= parents {
        return None;
    }
    let message = format!(
        "the root disk of {} is to have {own}, less than the {parents} of its parent, {}",
        guest.called(),
        parent.called()
    );
    let place = match guest.spec.kind() {
        Kind::Container => "",
        Kind::Machine => ", here or in `vm_defaults`",
    };
    Some(
        Finding::new(&SIZE, guest.size_at(), message)
            .also(parent.size_at(), "a clone begins with this size")
            .help(format!("a disk only ever grows: make it {parents} or more{place}")),
    )
}
