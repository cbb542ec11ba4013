//! A pool has disks of its own, enough of them, by names that stay.

use std::collections::HashMap;

use super::{Rule, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::raw::hypervisor::RawPool;
use crate::scene::Scene;

static LEVEL: Code = code!("0904", Error, "a pool cannot be made of these disks");
static BY_LETTER: Code = code!("0905", Warning, "a disk is named in a way that changes");
static TWICE: Code = code!("0906", Error, "a disk is used twice");

pub(super) const RULE: Rule = Rule { codes: &[&LEVEL, &BY_LETTER, &TWICE], check };

/// Levels and the fewest disks that ZFS takes for them.
const LEVELS: &[(&str, usize)] =
    &[("single", 1), ("mirror", 2), ("raidz1", 2), ("raidz2", 3), ("raidz3", 4)];

/// What others call levels, and what to write instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("raid0", "`single` puts disks side by side; one that fails takes everything with it"),
    ("stripe", "`single` puts disks side by side; one that fails takes everything with it"),
    ("raid1", "ZFS calls it `mirror`"),
    ("raid5", "ZFS calls it `raidz1`: one disk may fail"),
    ("raidz", "write `raidz1`: one disk may fail"),
    ("raid6", "ZFS calls it `raidz2`: two disks may fail"),
    ("raid10", TWO_MIRRORS),
    ("raid01", TWO_MIRRORS),
    ("raid1+0", TWO_MIRRORS),
];
const TWO_MIRRORS: &str = "a pool is one group of disks here, and this would be several mirrors: \
                           declare a `mirror` of two disks for each, or one `raidz2`";

fn check(scene: &Scene<'_>, findings: &Findings) {
    let pools = scene.hypervisor.zfs.as_ref().and_then(|zfs| zfs.pools.as_deref());
    let mut used = HashMap::new();
    let mut names = HashMap::new();
    for (nth, pool) in pools.unwrap_or_default().iter().enumerate() {
        let at = Place::of_host("zfs").key("pools").index(nth);
        let called = pool.name.as_deref().unwrap_or("without a name");
        level(pool, called, &at, findings);
        if let Some(first) = pool.name.as_ref().and_then(|name| names.insert(name, at.clone())) {
            let message = format!("the pool `{called}` is declared twice");
            findings.add(
                Finding::new(&LEVEL, at.clone().key("name"), message)
                    .also(first.key("name"), "the first")
                    .help("list all its disks in one of them, and remove the other"),
            );
        }
        for (nth, disk) in pool.disks.iter().flatten().enumerate() {
            let place = at.clone().key("disks").index(nth);
            if !disk.starts_with("/dev/disk/by-id/") {
                let message = format!("the pool `{called}` has the disk `{disk}`");
                findings.add(
                    Finding::new(&BY_LETTER, place.clone(), message)
                        .label("another disk may have this name tomorrow")
                        .help(
                            "name it by `/dev/disk/by-id/…`: `ls -l /dev/disk/by-id` shows which",
                        ),
                );
            }
            if let Some((first, owner)) = used.insert(disk, (place.clone(), called)) {
                let message = if owner == called {
                    format!("the pool `{called}` has the disk `{disk}` twice")
                } else {
                    format!("the pools `{owner}` and `{called}` both have the disk `{disk}`")
                };
                findings.add(
                    Finding::new(&TWICE, place, message)
                        .also(first, "the first")
                        .help("a disk belongs to one pool, once"),
                );
            }
        }
    }
}

fn level(pool: &RawPool, called: &str, at: &Place, findings: &Findings) {
    let written = pool.raid_level.as_deref().unwrap_or("single");
    let lower = written.to_ascii_lowercase();
    let names = || LEVELS.iter().map(|(level, _)| *level);
    let Some((level, least)) = LEVELS.iter().find(|(level, _)| *level == lower) else {
        let message = format!("the pool `{called}` has the RAID level `{written}`");
        let finding = Finding::new(&LEVEL, at.clone().key("raid_level"), message)
            .label("there is no such level");
        let elsewhere = ELSEWHERE.iter().find(|(level, _)| *level == lower);
        findings.add(match (elsewhere, did_you_mean(&lower, names())) {
            (Some((_, help)), _) => finding.help(*help),
            (None, Some(near)) => finding.help(format!("did you mean `{near}`?")),
            (None, None) => {
                finding.help("the levels are `single`, `mirror`, `raidz1`, `raidz2`, `raidz3`")
            }
        });
        return;
    };
    let disks = pool.disks.as_ref().map_or(0, Vec::len);
    if disks < *least {
        let has = if disks == 1 { "1 disk".to_owned() } else { format!("{disks} disks") };
        let message = format!("the pool `{called}` is to be a `{level}` of {has}");
        findings.add(
            Finding::new(&LEVEL, at.clone().key("disks"), message)
                .label(format!("takes at least {least}"))
                .help("name more disks, or choose another level"),
        );
    }
}
