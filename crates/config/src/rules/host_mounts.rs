//! Proxmox neither clones nor snapshots a container with a directory of the host mounted into it.

use std::collections::HashMap;

use phoenix_domain::{Seal, Vmid, VolumeSource};

use super::{Rule, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0513", Warning, "a mount stands in the way of a clone or snapshot");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut clones: Option<HashMap<Vmid, Vec<&Guest>>> = None;
    for guest in scene.guests.iter().filter(|guest| guest.spec.container().is_some()) {
        let is_host = |source: &VolumeSource| matches!(source, VolumeSource::Host { .. });
        let nth = guest.spec.volumes.iter().position(|volume| is_host(&volume.source));
        let Some((nth, volume)) = nth.and_then(|nth| Some((nth, guest.spec.volumes.get(nth)?)))
        else {
            continue;
        };
        let clones = clones.get_or_insert_with(|| clones_by_parent(scene));
        let heirs = clones.get(&guest.spec.vmid).map(Vec::as_slice).unwrap_or_default();
        let (purpose, seal) = match &guest.spec.seal {
            _ if !heirs.is_empty() => (format!("is the parent of {}", some_of(heirs)), ""),
            None => continue,
            Some(Seal::Snapshot(name)) => {
                (format!("should take the snapshot `{name}`"), "template_snapshot_name")
            }
            Some(Seal::Template { .. }) => ("should become a template".to_owned(), "is_template"),
        };
        let message = format!(
            "{} {purpose}, but has a directory of the host mounted at `{}`",
            guest.called(),
            volume.place
        );
        let mut finding = Finding::new(&CODE, guest.volume_at(nth), message);
        finding = match heirs.first() {
            Some(heir) => {
                finding.also(heir.at("clone_from_ctid"), "the clone that will be refused")
            }
            None => finding.also(guest.at(seal), "what will be refused"),
        };
        findings.add(finding.help(
            "mount it into the clones instead, or take a volume out of a storage: Proxmox refuses \
             to snapshot or clone a container while a directory of the host is mounted into it",
        ));
    }
}

fn clones_by_parent<'a>(scene: &'a Scene<'_>) -> HashMap<Vmid, Vec<&'a Guest>> {
    let mut clones: HashMap<Vmid, Vec<&Guest>> = HashMap::new();
    for guest in scene.guests {
        if let Some(parent) = guest.spec.parent() {
            clones.entry(parent).or_default().push(guest);
        }
    }
    clones
}
