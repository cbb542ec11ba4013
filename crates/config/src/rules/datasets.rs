//! A dataset lies in a pool, once, and its properties can be read.

use std::collections::HashMap;

use super::{Rule, did_you_mean, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host::{property, size, storage_id};
use crate::place::Place;
use crate::raw::hypervisor::RawDataset;
use crate::raw::lenient::ObjectOrText;
use crate::scene::Scene;

static NO_POOL: Code = code!("0902", Error, "a dataset is in a pool that is not declared");
static NONSENSE: Code = code!("0907", Error, "a dataset cannot be made as it is written");

pub(super) const RULE: Rule = Rule { codes: &[&NO_POOL, &NONSENSE], check };

/// The pool that the installer of Proxmox makes; nobody declares it.
const OF_PROXMOX: &str = "rpool";

fn check(scene: &Scene<'_>, findings: &Findings) {
    let Some(zfs) = &scene.hypervisor.zfs else { return };
    let pools: Vec<_> =
        zfs.pools.iter().flatten().filter_map(|pool| pool.name.as_deref()).collect();
    let mut names = HashMap::new();
    let mut ids = HashMap::new();
    for (nth, dataset) in zfs.datasets.iter().flatten().enumerate() {
        let at = Place::of_host("zfs").key("datasets").index(nth);
        properties(dataset, &at, findings);
        let (Some(pool), Some(name)) = (said(dataset.pool.as_ref()), said(dataset.name.as_ref()))
        else {
            let message = "a dataset has no `name` or no `pool`".to_owned();
            findings.add(Finding::new(&NONSENSE, at, message).help("give it both"));
            continue;
        };
        in_pool(pool, name, &pools, &at, findings);
        if !is_name(name) {
            let message = format!("ZFS does not take the name `{name}` for a dataset");
            findings.add(
                Finding::new(&NONSENSE, at.clone().key("name"), message).help(
                    "write letters, digits, `-`, `_`, `.` and `/`, without `.` or `..` alone",
                ),
            );
            continue;
        }
        if let Some(first) = names.insert((pool, name), at.clone()) {
            let message = format!("the dataset `{pool}/{name}` is declared twice");
            findings.add(
                Finding::new(&NONSENSE, at.key("name"), message)
                    .also(first.key("name"), "the first")
                    .help("remove one of them"),
            );
            continue;
        }
        match storage_id(scene.hypervisor, dataset) {
            None => {
                let message =
                    format!("the dataset `{pool}/{name}` makes no storage: its id would be none");
                findings.add(Finding::new(&NONSENSE, at.key("name"), message).help(
                    "a storage id begins with a letter and goes on with letters, digits, `-`, `_` \
                     or `.`: give it one in `proxmox_storage_ids`",
                ));
            }
            Some(id) => {
                if let Some(first) = ids.insert(id.clone(), at.clone()) {
                    let message = format!(
                        "the dataset `{pool}/{name}` makes the storage `{id}`, which another makes"
                    );
                    findings.add(
                        Finding::new(&NONSENSE, at.key("name"), message)
                            .also(first.key("name"), "the other")
                            .help("give one of them another id in `proxmox_storage_ids`"),
                    );
                }
            }
        }
    }
}

fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// Says whether ZFS takes a name below a pool.
fn is_name(name: &str) -> bool {
    name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
}

fn in_pool(pool: &str, name: &str, pools: &[&str], at: &Place, findings: &Findings) {
    if pools.contains(&pool) || pool == OF_PROXMOX {
        return;
    }
    let message = format!("the dataset `{name}` is in the pool `{pool}`, which is not declared");
    let finding = Finding::new(&NO_POOL, at.clone().key("pool"), message);
    let near = did_you_mean(pool, pools.iter().copied())
        .or_else(|| pools.iter().copied().find(|known| known.eq_ignore_ascii_case(pool)));
    findings.add(match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if pools.is_empty() => finding.help("declare the pool in `zfs.pools`"),
        None => finding.help(format!("declare it in `zfs.pools`; there are {}", listed(pools))),
    });
}

fn properties(dataset: &RawDataset, at: &Place, findings: &Findings) {
    let called = dataset.name.as_deref().unwrap_or("without a name");
    let place = || at.clone().key("properties");
    if let Some(ObjectOrText::Text(text)) = &dataset.properties {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let is_pair = |part: &str| {
            part.split_once('=').is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
        };
        for part in parts.filter(|part| !is_pair(part)) {
            let message =
                format!("the dataset `{called}` has the property `{part}`, without a value");
            findings.add(
                Finding::new(&NONSENSE, place(), message)
                    .help("write `key=value,key=value`: `compression=lz4,quota=500G`"),
            );
        }
    }
    if let Some(quota) = property(dataset, "quota")
        && quota != "none"
        && !quota.is_empty()
        && size(&quota).is_none()
    {
        let message = format!("the dataset `{called}` has the quota `{quota}`, which is no size");
        let help = "write a number and a unit, `500G` or `1.5T`, or `none`";
        findings.add(Finding::new(&NONSENSE, place(), message).help(help));
    }
}
