//! A volume that belongs to no guest can be made where it is to lie.

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::raw::hypervisor::RawZfsVolume;
use crate::scene::Scene;

static CODE: Code = code!("0918", Error, "a shared ZFS volume cannot be made as it is written");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// The number of no guest, under which such volumes are kept.
const NOBODY: u32 = 99_999;

fn check(scene: &Scene<'_>, findings: &Findings) {
    let Some(volumes) = scene.hypervisor.shared_zfs_volumes.as_ref() else { return };
    for (name, volume) in volumes {
        let at = Place::of_host("shared_zfs_volumes").key(name.clone());
        if !is_name(name) {
            let message = format!("`{name}` is no name of a volume");
            findings
                .add(Finding::new(&CODE, at.clone().named(), message).help(
                    "a name has letters, digits, `-`, `_` and `.`, and begins with a letter",
                ));
        }
        if volume.size_gb.is_none_or(|size| size.0 == 0) {
            let message = format!("the volume `{name}` has no size");
            findings.add(
                Finding::new(&CODE, at.clone().key("size_gb"), message)
                    .help("write a number of GiB, 1 or more, as its `size_gb`"),
            );
        }
        storage(scene, name, volume, &at, findings);
    }
    let nobody = |guest: &&crate::scene::Guest| u32::from(guest.spec.vmid) == NOBODY;
    if let Some(guest) = scene.guests.iter().find(nobody) {
        let message =
            format!("{} has the number under which shared volumes are kept", guest.called());
        findings.add(
            Finding::new(&CODE, Place::of_host("shared_zfs_volumes").named(), message)
                .also(guest.at.clone(), "the guest")
                .help("give the guest another number: its volumes would go with it"),
        );
    }
}

fn storage(scene: &Scene<'_>, name: &str, volume: &RawZfsVolume, at: &Place, findings: &Findings) {
    let tell = |message: String, help: &str| {
        let place = at.clone().key("pool");
        findings.add(Finding::new(&CODE, place, message).help(help));
    };
    let Some(pool) = volume.pool.as_deref().filter(|pool| !pool.is_empty()) else {
        let message = format!("the volume `{name}` lies in no storage");
        return tell(message, "write the id of a storage as its `pool`");
    };
    let Ok(id) = pool.parse() else {
        let message = format!("the volume `{name}` is to lie in `{pool}`, which is no storage id");
        return tell(message, "write the id of a storage, such as `tank-vm`");
    };
    // Of a storage that is not made here, the host knows what it is.
    let Some(storage) = scene.host.storage(&id) else { return };
    if storage.kind.as_deref() != Some("zfspool")
        || !storage.content.iter().any(|content| content == "images")
    {
        let message = format!("the volume `{name}` cannot lie in the storage `{id}`");
        tell(message, "it takes a storage whose dataset is a `zfspool` and may hold `images`");
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_no_name() {
        for good in ["models", "a-b_c.d", "M1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-x", "a/b", "a b", "../x", "1", "a@b"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
