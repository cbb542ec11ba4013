//! The commands that change nothing: `status`, `list`, `config`, `pending`, `listsnapshot`.

use std::collections::BTreeMap;

use crate::clock;
use crate::conf::{Conf, Section};
use crate::die::{Die, Outcome};
use crate::run::Run;
use crate::running;
use crate::say::{self, add};
use crate::schema::formats;
use crate::schema::options::Given;
use crate::storage::{Storages, Volume};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// A container as `pct status --verbose` shows it.
pub(crate) fn state(run: &Run, vmid: u32, conf: &Conf) -> BTreeMap<String, String> {
    let main = &conf.main;
    let is_running = running::is_running(&run.node, vmid);
    let number = |key: &str| main.get(key).and_then(|value| value.parse::<u64>().ok());
    let mut state = BTreeMap::new();
    let mut put = |key: &str, value: String| state.insert(key.to_owned(), value);
    let name = main.get("hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned);
    put("name", name);
    put("status", if is_running { "running" } else { "stopped" }.into());
    put("type", "lxc".into());
    put("vmid", vmid.to_string());
    let cores = main.get("cores").or_else(|| main.get("cpulimit")).filter(|cores| *cores != "0");
    put("cpus", cores.map_or_else(|| run.settings.cores.to_string(), str::to_owned));
    put("maxmem", (number("memory").unwrap_or(512) * MIB).to_string());
    put("maxswap", (number("swap").unwrap_or(0) * MIB).to_string());
    let root = main.mounts().into_iter().find(|(key, _)| key == "rootfs");
    let size = root.as_ref().and_then(|(_, root)| root.size()).filter(|size| *size > 0);
    put("maxdisk", size.unwrap_or(4 * GIB).to_string());
    for key in ["cpu", "disk", "diskread", "diskwrite", "mem", "netin", "netout", "swap", "uptime"]
    {
        put(key, "0".into());
    }
    if let Some(tags) = main.get("tags") {
        put("tags", tags.into());
    }
    if let Some(lock) = main.lock() {
        put("lock", lock.into());
    }
    if main.is_template() {
        put("template", "1".into());
    }
    if is_running && let Ok(life) = running::life(&run.node, vmid) {
        put("pid", life.pid.to_string());
        put("uptime", (clock::since_boot().saturating_sub(life.since_ms) / 1000).to_string());
        put("mem", (8 * MIB).to_string());
        put("disk", super::other::used(&life.rootfs).to_string());
    }
    state
}

pub(super) fn status(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let conf = run.load(vmid)?;
    let state = state(run, vmid, &conf);
    if given.is("verbose") {
        for (key, value) in state.iter().filter(|(key, _)| *key != "cpu") {
            say::out(&format!("{key}: {value}\n"));
        }
    } else {
        say::out(&format!("status: {}\n", state.get("status").map_or("unknown", String::as_str)));
    }
    Ok(0)
}

pub(super) fn list(run: &Run, _: &mut Given) -> Outcome<u8> {
    let mut text = String::new();
    for vmid in run.containers()? {
        // It may go while we look.
        let Ok(conf) = run.load(vmid) else { continue };
        let state = state(run, vmid, &conf);
        let get = |key: &str| state.get(key).map(String::as_str).unwrap_or_default();
        let (status, lock, name) = (get("status"), get("lock"), get("name"));
        add!(text, "{vmid:<10} {status:<10} {lock:<12} {name:<20}\n");
    }
    if !text.is_empty() {
        let head = format!("{:<10} {:<10} {:<12} {:<20}\n", "VMID", "Status", "Lock", "Name");
        say::out(&format!("{head}{text}"));
    }
    Ok(0)
}

/// Returns the configuration a container has, or will have after its next start.
pub(crate) fn current(conf: &Conf, applied_only: bool) -> Section {
    let mut main = conf.main.clone();
    if applied_only {
        return main;
    }
    for (key, value) in conf.pending.values.iter().filter(|(key, _)| *key != "delete") {
        main.set(key, value.clone());
    }
    for key in conf.to_delete() {
        main.values.remove(&key);
    }
    main
}

pub(super) fn config(run: &Run, given: &mut Given) -> Outcome<u8> {
    if given.get("snapshot").is_some() && given.is("current") {
        let why = "cannot use 'snapshot' parameter with 'current'";
        return Err(Die::params(vec![
            ("current".into(), why.into()),
            ("snapshot".into(), why.into()),
        ]));
    }
    let conf = run.load(given.vmid("vmid"))?;
    let section = match given.get("snapshot") {
        Some(name) => conf
            .snapshots
            .get(name)
            .cloned()
            .ok_or_else(|| Die::new(format!("snapshot '{name}' does not exist")))?,
        None => current(&conf, given.is("current")),
    };
    for (key, value) in &section.values {
        let value = if key == "description" { formats::encode(value) } else { value.clone() };
        say::out(&format!("{key}: {value}\n"));
    }
    for (key, value) in &section.lxc {
        say::out(&format!("{key}: {value}\n"));
    }
    Ok(0)
}

pub(super) fn pending(run: &Run, given: &mut Given) -> Outcome<u8> {
    let conf = run.load(given.vmid("vmid"))?;
    let to_delete = conf.to_delete();
    let mut keys: Vec<&String> =
        conf.main.values.keys().chain(conf.pending.values.keys()).collect();
    keys.sort();
    keys.dedup();
    let shown = |key: &str, value: &str| {
        if key == "description" { formats::encode(value) } else { value.to_owned() }
    };
    for key in keys.into_iter().filter(|key| *key != "delete") {
        let new = conf.pending.get(key).map(|value| shown(key, value));
        match (conf.main.get(key).map(|value| shown(key, value)), new) {
            (Some(now), _) if to_delete.contains(key) => say::out(&format!("del {key}: {now}\n")),
            (Some(now), Some(new)) => say::out(&format!("cur {key}: {now}\nnew {key}: {new}\n")),
            (Some(now), None) => say::out(&format!("cur {key}: {now}\n")),
            (None, Some(new)) => say::out(&format!("new {key}: {new}\n")),
            (None, None) => {}
        }
    }
    Ok(0)
}

/// A snapshot as it is listed.
struct Leaf<'a> {
    name: &'a str,
    parent: Option<&'a str>,
    time: Option<u64>,
    description: &'a str,
}

pub(super) fn snapshots(run: &Run, given: &mut Given) -> Outcome<u8> {
    let conf = run.load(given.vmid("vmid"))?;
    say::out(&tree(&conf.main, &conf.snapshots));
    Ok(0)
}

/// Draws which snapshot came after which.
pub(crate) fn tree(main: &Section, snapshots: &BTreeMap<String, Section>) -> String {
    let mut leaves: Vec<Leaf<'_>> = snapshots
        .iter()
        .map(|(name, section)| Leaf {
            name,
            parent: section.get("parent"),
            time: section.get("snaptime").and_then(|time| time.parse().ok()).or(Some(0)),
            description: section.get("description").unwrap_or_default(),
        })
        .collect();
    leaves.sort_by_key(|leaf| leaf.time);
    let parent = main.get("parent");
    leaves.push(Leaf { name: "current", parent, time: None, description: "You are here!" });
    let known = |parent: Option<&str>| {
        parent.filter(|parent| leaves.iter().any(|leaf| leaf.name == *parent)).map(str::to_owned)
    };
    let mut text = String::new();
    let mut waiting: Vec<(usize, &Leaf<'_>)> = leaves
        .iter()
        .rev()
        .filter(|leaf| known(leaf.parent).is_none())
        .map(|leaf| (0, leaf))
        .collect();
    while let Some((depth, leaf)) = waiting.pop() {
        let prefix = format!("{}`->", " ".repeat(depth));
        let width = 30_usize.saturating_sub(prefix.len());
        let first = leaf.description.lines().next().unwrap_or_default();
        let description = if leaf.description.is_empty() { "no-description" } else { first };
        let time = leaf.time.map(moment).unwrap_or_default();
        add!(text, "{prefix} {:<width$} {time:<23} {description}\n", leaf.name);
        let children = leaves.iter().rev().filter(|child| child.parent == Some(leaf.name));
        waiting.extend(children.map(|child| (depth + 1, child)));
    }
    text
}

fn moment(seconds: u64) -> String {
    let (year, month, day, hour, minute, second) = clock::calendar(seconds);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Returns the root of a container as a volume.
pub(crate) fn root(storages: &Storages, conf: &Conf) -> Outcome<Volume> {
    let root = conf.main.mounts().into_iter().find(|(key, _)| key == "rootfs");
    let Some((_, root)) = root else { return Err(Die::new("missing 'rootfs' configuration")) };
    Volume::parse(storages, root.volume())
}
