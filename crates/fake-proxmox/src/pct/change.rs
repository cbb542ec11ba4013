//! `pct set`: changes a configuration, at once or at the next start.

use std::collections::BTreeSet;

use super::{hotplug, os, power};
use crate::conf::volumes::Mount;
use crate::conf::{Conf, keys};
use crate::die::{Die, ENOENT, Outcome};
use crate::guest::{check_lock, check_protection};
use crate::invent;
use crate::run::Run;
use crate::running;
use crate::say;
use crate::schema::options::Given;
use crate::schema::{Values, find, formats, parts};
use crate::storage::{Storages, Volume};

/// What was asked for.
pub(super) struct Asked {
    pub(super) values: Values,
    pub(super) delete: Vec<String>,
    pub(super) revert: Vec<String>,
}

/// Errors by the key they concern.
pub(super) type Errors = Vec<(String, String)>;

pub(super) fn command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    given.take("vmid");
    let digest = given.take("digest");
    if given.values.is_empty() {
        return Err(Die::new("no options specified"));
    }
    let mut list = |key: &str| -> Vec<String> {
        let list = given.take(key).unwrap_or_default();
        formats::split_list(&list).into_iter().map(str::to_owned).collect()
    };
    let (delete, revert) = (list("delete"), list("revert"));
    let mut asked = Asked { values: std::mem::take(&mut given.values), delete, revert };
    clamp(&mut asked.values);
    run.alone(vmid, || {
        let mut conf = run.load(vmid)?;
        check_lock(&conf)?;
        check_digest(digest.as_deref(), &conf)?;
        check(&asked)?;
        let is_running = running::is_running(&run.node, vmid);
        let errors = update(run, vmid, &mut conf, is_running, &asked)?;
        if !errors.is_empty() {
            // What the kernel last said is what the program exits with.
            return Err(Die::params(errors).errno(u8::from(is_running)));
        }
        run.midpoint();
        run.write(vmid, &conf)?;
        let conf = run.load(vmid)?;
        power::write_lxc_config(run, vmid, &conf)
    })?;
    Ok(0)
}

/// A weight outside of what the kernel takes is moved to its edge.
pub(super) fn clamp(values: &mut Values) {
    if let Some(units) = values.get_mut("cpuunits")
        && let Ok(number) = units.parse::<u64>()
    {
        *units = number.clamp(1, 10_000).to_string();
    }
}

pub(super) fn check_digest(digest: Option<&str>, conf: &Conf) -> Outcome<()> {
    if digest.is_some_and(|digest| !digest.is_empty() && digest != conf.digest) {
        let words = "detected modified configuration - file changed by other user? Try again.";
        return Err(Die::new(words));
    }
    Ok(())
}

fn check(asked: &Asked) -> Outcome<()> {
    let Asked { values, delete, revert } = asked;
    let unknown = |key: &String| find(&keys::ALL, key).is_none();
    if let Some(key) = revert.iter().find(|key| unknown(key)) {
        return Err(Die::param("revert", format!("unknown option '{key}'")));
    }
    if let Some(key) = revert.iter().find(|key| values.contains_key(*key)) {
        let why = format!("you can't use '-{key}' and '-revert {key}' at the same time");
        return Err(Die::param("revert", why));
    }
    for key in delete {
        let why = if unknown(key) {
            format!("unknown option '{key}'")
        } else if values.contains_key(key) {
            format!("you can't use '-{key}' and -delete {key}' at the same time")
        } else if revert.contains(key) {
            format!("you can't use '-delete {key}' and '-revert {key}' at the same time")
        } else {
            continue;
        };
        return Err(Die::param("delete", why));
    }
    Ok(())
}

/// Writes what was asked for into what is pending, and applies what can be applied.
pub(super) fn update(
    run: &Run,
    vmid: u32,
    conf: &mut Conf,
    is_running: bool,
    asked: &Asked,
) -> Outcome<Errors> {
    let storages = Storages::read(run)?;
    for key in &asked.revert {
        conf.pending.values.remove(key);
        keep(conf, key);
    }
    let mut modified: BTreeSet<String> = asked.values.keys().cloned().collect();
    for key in &asked.delete {
        if !conf.main.has(key) && !conf.pending.has(key) {
            say::err(&format!("cannot delete '{key}' - not set in current configuration!\n"));
            continue;
        }
        modified.insert(key.clone());
        check_deletable(vmid, conf, key)?;
        let mut to_delete = conf.to_delete();
        to_delete.insert(key.clone());
        conf.set_to_delete(&to_delete);
    }
    for (key, value) in &asked.values {
        let value = prepared(run, vmid, conf, &storages, key, value)?;
        conf.pending.set(key, value);
        keep(conf, key);
    }
    tidy(conf);
    let mut errors = Errors::new();
    if is_running {
        hotplug::apply(run, vmid, conf, &storages, &modified, &mut errors)?;
    } else {
        apply(run, vmid, conf, &storages, Some(&modified), &mut errors);
    }
    Ok(errors)
}

fn check_deletable(vmid: u32, conf: &Conf, key: &str) -> Outcome<()> {
    if matches!(key, "memory" | "rootfs" | "ostype") {
        return Err(Die::new(format!("unable to delete required option '{key}'")));
    }
    if keys::numbered(key, "unused").or_else(|| keys::numbered(key, "mp")).is_some() {
        return check_protection(conf, &format!("can't remove CT {vmid} drive '{key}'"));
    }
    if key == "unprivileged" {
        return Err(Die::new(format!("unable to delete read-only option: '{key}'")));
    }
    Ok(())
}

/// Checks a value against the node, and returns it as it is written.
fn prepared(
    run: &Run,
    vmid: u32,
    conf: &Conf,
    storages: &Storages,
    key: &str,
    value: &str,
) -> Outcome<String> {
    let spaced = |value: &str| formats::split_list(value).join(" ");
    if key == "rootfs" || keys::numbered(key, "mp").is_some() {
        check_protection(conf, &format!("can't update CT {vmid} drive '{key}'"))?;
        let mount = Mount::parse(key, value).map_err(Die::raw)?;
        if mount.is_volume() {
            check_content(storages, mount.volume())?;
        }
        return Ok(value.to_owned());
    }
    if keys::numbered(key, "net").is_some() {
        let net = parts::parse(&keys::NET, value, "").map_err(Die::raw)?;
        if let Some(mtu) = net.get("mtu").and_then(|mtu| mtu.parse::<u64>().ok()) {
            power::check_mtu(run, key, &net, mtu)?;
        }
        return Ok(value.to_owned());
    }
    if keys::numbered(key, "dev").is_some() {
        let device = parts::parse(&keys::DEVICE, value, "").map_err(Die::raw)?;
        check_device(run, device.get("path").map(String::as_str).unwrap_or_default())?;
        return Ok(value.to_owned());
    }
    match key {
        "hookscript" => {
            os::check_hookscript(run, value)?;
            Ok(value.to_owned())
        }
        "nameserver" | "searchdomain" => Ok(spaced(value)),
        "unprivileged" => Err(Die::new(format!("unable to modify read-only option: '{key}'"))),
        "tags" => Ok(unique_tags(value)),
        _ => Ok(value.to_owned()),
    }
}

fn check_content(storages: &Storages, id: &str) -> Outcome<()> {
    let (name, _) = formats::volume_parts(id)
        .ok_or_else(|| Die::new(format!("unable to parse volume ID '{id}'")))?;
    if storages.get(name)?.content.contains("rootdir") {
        return Ok(());
    }
    let words = format!("storage '{name}' does not allow content type 'rootdir' (Container)");
    Err(Die::new(words))
}

/// Refuses a device the node does not have.
pub(super) fn check_device(run: &Run, path: &str) -> Outcome<()> {
    if path.is_empty() {
        return Err(Die::new("Path has to be defined"));
    }
    match std::fs::metadata(run.node.at(path)) {
        Err(_) => Err(Die::new(format!("Device {path} does not exist")).errno(ENOENT)),
        Ok(found) if found.is_dir() => Err(Die::new(format!("{path} is not a device"))),
        Ok(_) => Ok(()),
    }
}

fn unique_tags(value: &str) -> String {
    let tags: BTreeSet<String> =
        formats::split_list(value).into_iter().map(str::to_lowercase).collect();
    tags.into_iter().collect::<Vec<_>>().join(";")
}

fn keep(conf: &mut Conf, key: &str) {
    let mut to_delete = conf.to_delete();
    if to_delete.remove(key) {
        conf.set_to_delete(&to_delete);
    }
}

/// Forgets what is pending and changes nothing.
pub(super) fn tidy(conf: &mut Conf) {
    let main = &conf.main;
    conf.pending.values.retain(|key, value| key == "delete" || main.get(key) != Some(value));
    let mut to_delete = conf.to_delete();
    to_delete.retain(|key| conf.main.has(key));
    conf.set_to_delete(&to_delete);
}

/// Applies what is pending to a container that does not run.
pub(crate) fn apply(
    run: &Run,
    vmid: u32,
    conf: &mut Conf,
    storages: &Storages,
    only: Option<&BTreeSet<String>>,
    errors: &mut Errors,
) {
    let is_meant = |key: &str| only.is_none_or(|only| only.contains(key));
    let mut fail = |key: &str, die: &Die| {
        let why = format!("unable to apply pending change {key} : {}", die.text());
        say::err(&why);
        errors.push((key.to_owned(), why));
    };
    for key in conf.to_delete().into_iter().filter(|key| is_meant(key)) {
        match delete(run, vmid, conf, storages, &key) {
            Ok(()) => {
                conf.main.values.remove(&key);
                keep(conf, &key);
            }
            Err(die) => fail(&key, &die),
        }
    }
    tidy(conf);
    let keys: Vec<String> = conf.pending.values.keys().cloned().collect();
    for key in keys.into_iter().filter(|key| key != "delete" && is_meant(key)) {
        let value = conf.pending.get(&key).unwrap_or_default().to_owned();
        let applied = if keys::numbered(&key, "mp").is_some() {
            apply_mount(run, vmid, conf, storages, &key, &value)
        } else if keys::numbered(&key, "net").is_some() {
            net(&value)
        } else {
            Ok(value)
        };
        match applied {
            Ok(value) => {
                conf.main.set(&key, value);
                conf.pending.values.remove(&key);
            }
            Err(die) => fail(&key, &die),
        }
    }
}

/// Does what is to be done before a key is deleted.
fn delete(run: &Run, vmid: u32, conf: &mut Conf, storages: &Storages, key: &str) -> Outcome<()> {
    let value = conf.main.get(key).unwrap_or_default().to_owned();
    if keys::numbered(key, "mp").is_some() {
        let mount = Mount::parse(key, &value).map_err(Die::raw)?;
        // Asked with the whole text, of which no volume has the name: so the volume is unused.
        if mount.is_volume() && !conf.uses(&value) {
            conf.add_unused(mount.volume());
        }
    } else if keys::numbered(key, "unused").is_some() && !conf.uses(&value) {
        run.free_own(storages, vmid, &value)?;
    }
    Ok(())
}

/// Removes the volume behind an `unused` key.
pub(super) fn delete_unused(
    run: &Run,
    vmid: u32,
    conf: &Conf,
    storages: &Storages,
    key: &str,
) -> Outcome<()> {
    let value = conf.main.get(key).unwrap_or_default();
    if conf.uses(value) { Ok(()) } else { run.free_own(storages, vmid, value) }
}

/// Returns an interface as it is written: with a type, and an address of its own.
pub(crate) fn net(value: &str) -> Outcome<String> {
    let mut net = parts::parse(&keys::NET, value, "").map_err(Die::raw)?;
    net.insert("type".into(), "veth".into());
    net.entry("hwaddr".into()).or_insert_with(invent::mac);
    Ok(parts::print(&keys::NET, &net, &[]))
}

/// Mounts something else, or something new; returns the text for the configuration.
pub(super) fn apply_mount(
    run: &Run,
    vmid: u32,
    conf: &mut Conf,
    storages: &Storages,
    key: &str,
    value: &str,
) -> Outcome<String> {
    let mut mount = Mount::parse(key, value).map_err(Die::raw)?;
    if mount.is_volume() {
        if mount.to_allocate().is_some() {
            allocate(run, vmid, storages, &mut mount)?;
        } else {
            let volume = Volume::parse(storages, mount.volume());
            match volume.and_then(|volume| run.known(&volume)) {
                Ok(label) => mount.set_size(label.size),
                Err(die) => say::err(&format!("Could not rescan volume size - {}\n", die.text())),
            }
        }
    }
    let text = mount.print();
    if let Some(old) = conf.main.get(key).map(str::to_owned) {
        let old = Mount::parse(key, &old).map_err(Die::raw)?;
        let is_same = old.volume() == mount.volume();
        if old.is_volume() && !is_same {
            conf.add_unused(old.volume());
        }
    }
    Ok(text)
}

/// Makes the volume a mount point asks for.
pub(super) fn allocate(
    run: &Run,
    vmid: u32,
    storages: &Storages,
    mount: &mut Mount,
) -> Outcome<Option<String>> {
    let Some((storage, gib)) = mount.to_allocate() else { return Ok(None) };
    let kib = formats::multiply(gib, 1024).unwrap_or(0) * 1024;
    let volume = run.allocate(storages, storage, vmid, kib)?;
    mount.set_volume(&volume.id());
    mount.set_size(kib * 1024);
    Ok(Some(volume.id()))
}
