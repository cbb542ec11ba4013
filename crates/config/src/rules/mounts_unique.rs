//! At one place in a guest there is one mount.

use phoenix_domain::{Volume, VolumeSource};

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0510", Error, "two mounts at one place");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut places = Vec::new();
    for guest in scene.guests.iter().filter(|guest| guest.spec.volumes.len() > 1) {
        places.clear();
        let volumes = guest.spec.volumes.iter().enumerate();
        places.extend(volumes.map(|(nth, volume)| (volume.place.place(), nth, volume)));
        places.sort_unstable_by_key(|(place, nth, _)| (*place, *nth));
        for ((first_place, first, other), (place, nth, volume)) in
            places.iter().zip(places.iter().skip(1))
        {
            if first_place != place {
                continue;
            }
            let message = format!(
                "{} mounts {} and {} at `{}`",
                guest.called(),
                what(other),
                what(volume),
                place
            );
            findings.add(
                Finding::new(&CODE, guest.volume_at(*nth), message)
                    .also(guest.volume_at(*first), "the first at this place")
                    .help("one would hide the other: remove one of them, or mount it elsewhere"),
            );
        }
    }
}

fn what(volume: &Volume) -> String {
    match &volume.source {
        VolumeSource::Storage { name, .. } => format!("the volume `{name}`"),
        VolumeSource::Host { path, .. } => format!("the host's `{path}`"),
        VolumeSource::Nfs { server, path } => format!("`{path}` of {server}"),
    }
}
