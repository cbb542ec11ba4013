//! What guests are made from is best there beforehand.

use std::collections::BTreeMap;

use phoenix_domain::Origin;

use super::{Rule, Together, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0702", Warning, "an archive or image is not on the host");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let Some(inventory) = scene.inventory else { return };
    let mut missing: BTreeMap<(&str, &str), Together<'_>> = BTreeMap::new();
    for guest in scene.guests {
        let (there, key, wanted) = match &guest.spec.origin {
            Origin::Template { archive } => (&inventory.templates, "template", archive),
            Origin::CloudImage { image } => (&inventory.images, "template_image", image),
            Origin::Clone { .. } => continue,
        };
        let Some(there) = there else { continue };
        let wanted = file_name(wanted);
        if !there.iter().any(|file| file_name(file) == wanted) {
            missing.entry((key, wanted)).or_default().add(guest, || {
                let own = guest.at("template_file");
                match key {
                    "template" if scene.sources.value(&guest.at("template")).is_none() => own,
                    "template" => guest.at("template"),
                    _ => guest.at("template_image"),
                }
            });
        }
    }
    for ((key, wanted), guests) in missing {
        let Some((place, guests)) = guests.called() else { continue };
        let (what, there) = match key {
            "template" => ("archive", &inventory.templates),
            _ => ("image", &inventory.images),
        };
        let message = format!("the {what} `{wanted}` of {guests} is not on the host");
        let finding = Finding::new(&CODE, place, message);
        let near = did_you_mean(wanted, there.iter().flatten().map(|file| file_name(file)));
        findings.add(match near {
            Some(near) => finding.help(format!("did you mean `{near}`, which is there?")),
            None => finding.help(
                "it will be downloaded if Proxmox or its publisher offers it; put it there beforehand to be sure",
            ),
        });
    }
}

/// Returns the file name in a path or in a volume id like `local:vztmpl/debian-12.tar.zst`.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', ':']).next().unwrap_or(path)
}
