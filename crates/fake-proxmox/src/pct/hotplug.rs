//! Changes of a container that runs: what is applied at once, and what waits.

use std::collections::BTreeSet;

use super::change::{self, Errors};
use super::power;
use crate::conf::volumes::Mount;
use crate::conf::{Conf, keys};
use crate::die::{Die, Outcome};
use crate::run::Run;
use crate::running::{self, Bind};
use crate::schema::parts;
use crate::storage::{Storages, Volume};

const AT_ONCE: [&str; 9] = [
    "description",
    "onboot",
    "startup",
    "protection",
    "hostname",
    "hookscript",
    "cores",
    "tags",
    "lock",
];

/// What comes of a change.
enum Change {
    Applied(String),
    Waits,
}

/// Applies what can be applied while the container runs; the rest stays pending.
pub(super) fn apply(
    run: &Run,
    vmid: u32,
    conf: &mut Conf,
    storages: &Storages,
    meant: &BTreeSet<String>,
    errors: &mut Errors,
) -> Outcome<()> {
    for key in conf.to_delete().into_iter().filter(|key| meant.contains(key)) {
        let is_live = AT_ONCE.contains(&key.as_str())
            || matches!(key.as_str(), "swap" | "cpulimit" | "cpuunits")
            || keys::numbered(&key, "net").is_some_and(|number| number.len() == 1);
        let deleted = if keys::numbered(&key, "unused").is_some() {
            change::delete_unused(run, vmid, conf, storages, &key).map(|()| true)
        } else {
            Ok(is_live)
        };
        match deleted {
            Ok(true) => {
                conf.main.values.remove(&key);
                let mut to_delete = conf.to_delete();
                to_delete.remove(&key);
                conf.set_to_delete(&to_delete);
            }
            Ok(false) => {}
            Err(die) => errors.push((key.clone(), why(&key, &die))),
        }
    }
    let keys: Vec<String> = conf.pending.values.keys().cloned().collect();
    for key in keys.into_iter().filter(|key| key != "delete" && meant.contains(key)) {
        let value = conf.pending.get(&key).unwrap_or_default().to_owned();
        match plug(run, vmid, conf, storages, &key, &value) {
            Ok(Change::Applied(value)) => {
                conf.main.set(&key, value);
                conf.pending.values.remove(&key);
            }
            Ok(Change::Waits) => {}
            Err(die) => errors.push((key.clone(), why(&key, &die))),
        }
    }
    if meant.iter().any(|key| keys::numbered(key, "net").is_some()) {
        running::renew_net(run, vmid, conf)?;
    }
    Ok(())
}

fn why(key: &str, die: &Die) -> String {
    format!("unable to hotplug {key}: {}", die.text())
}

fn plug(
    run: &Run,
    vmid: u32,
    conf: &mut Conf,
    storages: &Storages,
    key: &str,
    value: &str,
) -> Outcome<Change> {
    if AT_ONCE.contains(&key) || matches!(key, "cpulimit" | "cpuunits" | "memory" | "swap") {
        return Ok(Change::Applied(value.to_owned()));
    }
    if keys::numbered(key, "net").is_some() {
        let parsed = parts::parse(&keys::NET, value, "").map_err(Die::raw)?;
        if let Some(bridge) = parsed.get("bridge") {
            power::bridge_mtu(run, bridge)?;
        }
        return change::net(value).map(Change::Applied);
    }
    if keys::numbered(key, "mp").is_some() && !conf.main.has(key) {
        return mount(run, vmid, conf, storages, key, value).map(Change::Applied);
    }
    if keys::numbered(key, "dev").is_some() && !conf.main.has(key) {
        return Ok(Change::Applied(value.to_owned()));
    }
    Ok(Change::Waits)
}

fn mount(
    run: &Run,
    vmid: u32,
    conf: &mut Conf,
    storages: &Storages,
    key: &str,
    value: &str,
) -> Outcome<String> {
    let text = change::apply_mount(run, vmid, conf, storages, key, value)?;
    let mount = Mount::parse(key, &text).map_err(Die::raw)?;
    let source = if mount.is_volume() {
        run.folder(&Volume::parse(storages, mount.volume())?, None)
    } else {
        running::host_path(run, mount.volume())
    };
    if !source.exists() {
        let path = mount.volume();
        return Err(Die::new(format!("directory '{path}' does not exist")));
    }
    let mut life = running::life(&run.node, vmid)?;
    let target = mount.target().trim_matches('/').to_owned();
    std::fs::create_dir_all(life.rootfs.join(&target))?;
    life.mounts.push(Bind { source, target, is_read_only: mount.is("ro") });
    running::rewrite(&run.node, vmid, &life)?;
    Ok(text)
}
