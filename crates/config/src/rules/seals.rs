//! A clone is made from what its parent leaves: a snapshot, or itself as a Proxmox template.

use phoenix_domain::{Kind, Seal, Vmid};

use super::groups::{Groups, per};
use super::{Rule, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::scene::{Guest, Scene};

static NOTHING: Code = code!("0104", Error, "a parent leaves nothing to be cloned from");
static BOTH: Code = code!("0113", Error, "a Proxmox template cannot have a snapshot");

pub(super) const RULE: Rule = Rule { codes: &[&NOTHING, &BOTH], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut unsealed: Groups<Vmid, &Guest> = Groups::new();
    for guest in scene.guests {
        if let Some(parent) = scene.parent(guest)
            && parent.spec.seal.is_none()
            && parent.spec.kind() == guest.spec.kind()
            && parent.spec.vmid != guest.spec.vmid
        {
            unsealed.add(parent.spec.vmid, guest);
        }
        if matches!(guest.spec.seal, Some(Seal::Template { .. })) {
            findings.extend(snapshot_of_template(guest));
        }
    }
    for (parent, clones) in unsealed.into_iter() {
        let Some(parent) = scene.guest(parent) else { continue };
        findings.add(nothing_left(parent, &clones));
    }
}

fn nothing_left(parent: &Guest, clones: &[&Guest]) -> Finding {
    let message = format!(
        "{} leaves nothing to be cloned from, but {} {} of it",
        parent.called(),
        some_of(clones),
        per(clones, "is a clone", "are clones"),
    );
    let mut finding = Finding::new(&NOTHING, parent.at.clone().named(), message);
    for clone in clones.iter().take(2) {
        finding = finding.also(clone.at("clone_from_ctid"), "cloned from it");
    }
    finding
        .help(
            "give it a `template_snapshot_name`: the snapshot is taken when it is complete, and \
             it can go on running",
        )
        .help("or `\"is_template\": true`, if it is never to run itself")
}

/// Finds the snapshots a guest would have when it is turned into a template.
fn snapshot_of_template(guest: &Guest) -> Option<Finding> {
    let sealed = match &guest.spec.seal {
        Some(Seal::Template { snapshot: Some(name) }) => Some((name, "template_snapshot_name")),
        Some(Seal::Template { snapshot: None } | Seal::Snapshot(_)) | None => None,
    };
    let (before, after) = guest.spec.machine().map_or((None, None), |machine| {
        (machine.before_features.as_ref(), machine.after_features.as_ref())
    });
    let on_the_way = before
        .map(|name| (name, "pre_features"))
        .or_else(|| after.map(|name| (name, "post_features")));
    let (name, place): (_, Place) = match (sealed, on_the_way) {
        (Some((name, key)), _) => (name, guest.at(key)),
        (None, Some((name, key))) => (name, guest.at("snapshots").key(key)),
        (None, None) => return None,
    };
    let command = match guest.spec.kind() {
        Kind::Container => "pct template",
        Kind::Machine => "qm template",
    };
    let message = format!(
        "{} is turned into a Proxmox template, but has the snapshot `{name}` by then",
        guest.called()
    );
    Some(
        Finding::new(&BOTH, place, message)
            .label(format!("`{command}` refuses a guest that has snapshots"))
            .also(guest.at("is_template"), "turned into a template")
            .help("take the snapshot out: clones are made from the template itself")
            .help("or take `is_template` out: clones are then full copies of the snapshot"),
    )
}
