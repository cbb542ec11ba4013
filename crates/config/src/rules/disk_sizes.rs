//! A disk has a size that disks have.

use phoenix_domain::GibiBytes;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0515", Error, "a disk of an impossible size");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// 1 PiB.
const MOST: GibiBytes = GibiBytes(1024 * 1024);

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        for disk in guest.disks() {
            let is_possible = disk.size.0 > 0 && disk.size <= MOST;
            // What is not said is either the parent's or told already.
            if is_possible || (disk.volume.is_none() && guest.inherits.size) {
                continue;
            }
            let (place, what) = match disk.volume {
                Some(nth) => {
                    let place = guest.spec.volumes.get(nth).map(|volume| volume.place.as_str());
                    let what = format!("the volume at `{}`", place.unwrap_or_default());
                    (guest.volume_at(nth).key("size_gb"), what)
                }
                None if guest.spec.container().is_some() => {
                    (guest.at("storage_size_gb"), "the root disk".to_owned())
                }
                None => (guest.at("disk_size_gb"), "the root disk".to_owned()),
            };
            let message = format!("{what} of {} has {}", guest.called(), disk.size);
            findings.add(
                Finding::new(&CODE, place, message)
                    .help("give the size in GiB: at least 1, and no more than 1 PiB"),
            );
        }
    }
}
