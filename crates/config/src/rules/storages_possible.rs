//! A dataset is a storage of a kind that Proxmox has, and holds what that kind can hold.

use super::{Rule, did_you_mean, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::raw::hypervisor::RawDataset;
use crate::scene::Scene;

static CODE: Code = code!("0914", Error, "a dataset cannot be the storage that it is to be");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// The kinds that a dataset can be, and what each can hold.
const KINDS: &[(&str, &[&str])] = &[
    ("zfspool", &["images", "rootdir"]),
    ("dir", &["images", "rootdir", "iso", "vztmpl", "backup", "snippets", "import"]),
];

fn check(scene: &Scene<'_>, findings: &Findings) {
    let zfs = scene.hypervisor.zfs.as_ref();
    let datasets = zfs.and_then(|zfs| zfs.datasets.as_deref()).unwrap_or_default();
    for (nth, dataset) in datasets.iter().enumerate() {
        let at = Place::of_host("zfs").key("datasets").index(nth);
        storage(dataset, &at, findings);
    }
}

fn storage(dataset: &RawDataset, at: &Place, findings: &Findings) {
    let name = dataset.name.as_deref().unwrap_or("without a name");
    let content = dataset.proxmox_content_type.as_deref().unwrap_or_default();
    let content: Vec<_> =
        content.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let Some(kind) = dataset.proxmox_storage_type.as_deref() else {
        if !content.is_empty() {
            let message =
                format!("the dataset `{name}` is to hold {}, and is no storage", listed(&content));
            findings
                .add(Finding::new(&CODE, at.clone().key("proxmox_content_type"), message).help(
                "write `\"proxmox_storage_type\": \"zfspool\"` for disks of guests or `\"dir\"` \
                     for files, or remove what it is to hold",
            ));
        }
        return;
    };
    let Some((kind, holds)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        let message = format!("the dataset `{name}` is to be a storage of the kind `{kind}`");
        findings.add(
            Finding::new(&CODE, at.clone().key("proxmox_storage_type"), message)
                .label("no dataset can be that")
                .help(meant(kind)),
        );
        return;
    };
    if content.is_empty() {
        let message = format!("the dataset `{name}` is a storage that may hold nothing");
        findings.add(
            Finding::new(&CODE, at.clone(), message)
                .help(format!("write as `proxmox_content_type` what it holds: {}", listed(*holds))),
        );
    }
    for word in content {
        if holds.contains(&word) {
            continue;
        }
        let message = format!("the dataset `{name}` is to hold `{word}`");
        let is_elsewhere = KINDS.iter().any(|(_, holds)| holds.contains(&word));
        let label = if is_elsewhere {
            format!("a `{kind}` cannot hold that")
        } else {
            "Proxmox has no such content".to_owned()
        };
        let finding =
            Finding::new(&CODE, at.clone().key("proxmox_content_type"), message).label(label);
        findings.add(match did_you_mean(word, holds.iter().copied()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None if is_elsewhere => {
                finding.help(format!("a `{kind}` holds {}", listed(*holds))).help(
                    "files go into a dataset of its own, with `\"proxmox_storage_type\": \"dir\"`",
                )
            }
            None => finding.help(format!("a `{kind}` holds {}", listed(*holds))),
        });
    }
}

/// Says what was probably meant by a kind that there is not.
fn meant(kind: &str) -> String {
    let lower = kind.to_ascii_lowercase();
    let is_zfs = lower.starts_with("zfs") || lower == "pool";
    match lower.as_str() {
        _ if is_zfs => {
            "write `zfspool`: Proxmox calls a dataset with disks of guests so".to_owned()
        }
        "dir" | "directory" | "path" | "folder" => {
            "write `dir`: Proxmox calls a directory of files so".to_owned()
        }
        _ => "write `zfspool` for disks of guests, or `dir` for files".to_owned(),
    }
}
