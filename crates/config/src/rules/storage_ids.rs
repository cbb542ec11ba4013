//! An entry of `proxmox_storage_ids` names a dataset, or it says nothing.

use super::{Rule, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host::storage_key;
use crate::place::Place;
use crate::scene::Scene;

static CODE: Code = code!("0901", Warning, "a storage id belongs to no dataset");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// A dataset by its names.
struct Named {
    key: String,
    default_id: String,
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    let Some(ids) = &scene.hypervisor.proxmox_storage_ids else { return };
    let zfs = scene.hypervisor.zfs.as_ref();
    let datasets: Vec<_> = zfs
        .and_then(|zfs| zfs.datasets.as_deref())
        .unwrap_or_default()
        .iter()
        .filter_map(|dataset| {
            let (pool, name) = (dataset.pool.as_deref()?, dataset.name.as_deref()?);
            Some(Named { key: storage_key(pool, name), default_id: format!("{pool}-{name}") })
        })
        .collect();
    for (key, id) in ids {
        if datasets.iter().any(|dataset| dataset.key == *key) {
            continue;
        }
        let message = format!("`{key}` names no dataset, so the storage id `{id}` has no effect");
        let place = Place::of_host("proxmox_storage_ids").key(key.clone());
        let finding = Finding::new(&CODE, place.named(), message)
            .help("a key is `<pool>_<dataset>`, with every `-` written as `_`");
        let same = datasets.iter().find(|dataset| dataset.default_id == *id);
        let keys = datasets.iter().map(|dataset| dataset.key.as_str());
        let alike = datasets.iter().find(|dataset| dataset.key.eq_ignore_ascii_case(key));
        let near = alike.map(|dataset| dataset.key.as_str()).or_else(|| did_you_mean(key, keys));
        findings.add(match (same, near) {
            (Some(dataset), _) => finding.help(format!(
                "the dataset has this id without being told: remove the line, or call it `{}`",
                dataset.key
            )),
            (None, Some(near)) => finding.help(format!("did you mean `{near}`?")),
            (None, None) => finding.help("remove the line, or declare the dataset"),
        });
    }
}
