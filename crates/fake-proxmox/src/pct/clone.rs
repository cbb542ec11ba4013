//! `pct clone`: a container like another one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{change, create, power};
use crate::conf::volumes::Mount;
use crate::conf::{Conf, Section, keys};
use crate::die::{Die, ENOENT, Outcome};
use crate::invent;
use crate::job::Job;
use crate::run::Run;
use crate::running;
use crate::say;
use crate::schema::options::Given;
use crate::schema::parts;
use crate::storage::features::{self, Feature};
use crate::storage::make::copied;
use crate::storage::{Storages, Volume};

/// Copies the volumes of a container whose clone has a configuration already.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Clone {
    source: u32,
    target: u32,
    /// The volumes by their keys, and whether each is copied whole.
    mounts: BTreeMap<String, (String, bool)>,
    storage: Option<String>,
    snapshot: Option<String>,
    was_running: bool,
}

pub(super) fn command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let (source, target) = (given.vmid("vmid"), given.vmid("newid"));
    create::check_pool(run, given.get("pool"))?;
    let storages = Storages::read(run)?;
    if let Some(storage) = given.get("storage") {
        storages.enabled(storage)?;
    }
    if let Some(node) =
        given.get("target").filter(|node| *node != "localhost" && *node != run.settings.node)
    {
        return Err(Die::new(format!("no such cluster node '{node}'")));
    }
    let conf = run.set_lock(source, "disk")?;
    if let Err(die) = run.create_and_lock(target) {
        unlock_source(run, source);
        return Err(die);
    }
    // From here on a file was not found once: the next error exits with that.
    let prepared = prepare(run, given, &storages, &conf, source, target);
    let job = match prepared {
        Ok(job) => job,
        Err(die) => {
            unlock_source(run, source);
            if let Err(die) = run.forget(target) {
                say::err(&format!("Failed to remove target CT config - {}\n", die.text()));
            }
            return Err(die.errno(ENOENT));
        }
    };
    let failed = run.work("vzclone", &source.to_string(), Job::Clone(job))?;
    Ok(power::exit(failed))
}

fn unlock_source(run: &Run, source: u32) {
    if let Err(die) = run.remove_lock(source, Some("disk")) {
        say::err(&format!("Failed to remove source CT config lock - {}\n", die.text()));
    }
}

fn prepare(
    run: &Run,
    given: &Given,
    storages: &Storages,
    conf: &Conf,
    source: u32,
    target: u32,
) -> Outcome<Clone> {
    let was_running = running::is_running(&run.node, source);
    let full = given.get("full").map_or_else(|| !conf.main.is_template(), |full| full == "1");
    let storage = given.get("storage");
    if storage.is_some() && !full {
        return Err(Die::new("parameter 'storage' not allowed for linked clones"));
    }
    let snapshot = given.get("snapname");
    let from = match snapshot {
        Some(name) => conf
            .snapshots
            .get(name)
            .ok_or_else(|| Die::new(format!("snapshot '{name}' does not exist")))?,
        None => &conf.main,
    };
    let mut new = Section { lxc: from.lxc.clone(), ..Section::default() };
    let mut mounts = BTreeMap::new();
    for (key, value) in &from.values {
        if keys::numbered(key, "unused").is_some() {
            continue;
        }
        if key == "rootfs" || keys::numbered(key, "mp").is_some() {
            let mount = Mount::parse(key, value).map_err(Die::raw)?;
            check_mount(storages, key, &mount, storage)?;
            if full && was_running && snapshot.is_none() {
                let words = "Full clone of a running container is only possible from a snapshot";
                return Err(Die::new(words));
            }
            if !full {
                check_linked(storages, mount.volume(), snapshot.is_some())?;
            }
            mounts.insert(key.clone(), (value.clone(), full));
        } else if keys::numbered(key, "net").is_some() {
            new.set(key, with_new_mac(value)?);
        } else {
            new.set(key, value.clone());
        }
    }
    new.set("lock", "create");
    for key in ["parent", "snaptime", "snapstate", "template"] {
        new.values.remove(key);
    }
    for key in ["hostname", "description"] {
        if let Some(value) = given.get(key).filter(|value| !value.is_empty()) {
            new.set(key, value);
        }
    }
    let new = Conf { main: new, ..Conf::default() };
    reload(run, target, |_| run.write(target, &new))?;
    Ok(Clone {
        source,
        target,
        mounts,
        storage: storage.map(str::to_owned),
        snapshot: snapshot.map(str::to_owned),
        was_running,
    })
}

fn check_mount(storages: &Storages, key: &str, mount: &Mount, to: Option<&str>) -> Outcome<()> {
    if !mount.is_volume() {
        let kind = mount.kind();
        return Err(Die::new(format!("unable to clone mountpoint '{key}' (type {kind})")));
    }
    let volume = Volume::parse(storages, mount.volume())?;
    storages.get(to.unwrap_or(&volume.storage.name)).map(drop)
}

fn check_linked(storages: &Storages, id: &str, of_snapshot: bool) -> Outcome<()> {
    if features::has(&Volume::parse(storages, id)?, Feature::Clone, of_snapshot) {
        return Ok(());
    }
    Err(Die::new(format!("Linked clone feature for '{id}' is not available")))
}

fn with_new_mac(value: &str) -> Outcome<String> {
    let mut net = parts::parse(&keys::NET, value, "").map_err(Die::raw)?;
    net.insert("hwaddr".into(), invent::mac());
    change::net(&parts::print(&keys::NET, &net, &[]))
}

/// Does something with a configuration that is still ours.
fn reload<T>(run: &Run, vmid: u32, code: impl FnOnce(Conf) -> Outcome<T>) -> Outcome<T> {
    run.alone(vmid, || {
        let conf = run.load(vmid)?;
        if conf.main.lock() != Some("create") {
            return Err(Die::new("Lost 'create' config lock, aborting."));
        }
        code(conf)
    })
}

impl Clone {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let (source, target) = (self.source, self.target);
        say::out(&format!("creating a clone of container {source} with ID {target}\n"));
        if running::is_running(&run.node, source) != self.was_running {
            return Err(Die::new("unexpected state change"));
        }
        let storages = Storages::read(run)?;
        let mut made = Vec::new();
        let tried = self.copy(run, &storages, &mut made);
        if let Err(die) = run.remove_lock(source, Some("disk")) {
            say::err(&die.text());
        }
        let Err(die) = tried else {
            return reload(run, target, |_| run.remove_lock(target, Some("create")));
        };
        run.free_all(&storages, &made);
        if let Err(die) = reload(run, target, |_| run.forget(target)) {
            say::err(&format!("Failed to remove target CT config - {}\n", die.text()));
        }
        let why = die.text().replace("received interrupt", "interrupted by signal");
        Err(Die::raw(format!("clone failed: {why}")))
    }

    fn copy(&self, run: &Run, storages: &Storages, made: &mut Vec<String>) -> Outcome<()> {
        let root = self.mounts.iter().filter(|(key, _)| *key == "rootfs");
        let rest = self.mounts.iter().filter(|(key, _)| *key != "rootfs");
        for (key, (value, is_full)) in root.chain(rest) {
            let mut mount = Mount::parse(key, value).map_err(Die::raw)?;
            let id = mount.volume().to_owned();
            if *is_full {
                say::out(&format!("create full clone of mountpoint {key} ({id})\n"));
                self.copy_whole(run, storages, &mut mount, made)?;
            } else {
                say::out(&format!("create linked clone of mount point {key} ({id})\n"));
                let snapshot = self.snapshot.as_deref();
                let new = run.clone_linked(storages, &id, self.target, snapshot)?;
                made.push(new.clone());
                mount.set_volume(&new);
            }
            run.midpoint();
            reload(run, self.target, |mut conf| {
                conf.main.set(key, mount.print());
                run.write(self.target, &conf)
            })?;
        }
        run.check()
    }

    fn copy_whole(
        &self,
        run: &Run,
        storages: &Storages,
        mount: &mut Mount,
        made: &mut Vec<String>,
    ) -> Outcome<()> {
        let source = Volume::parse(storages, mount.volume())?;
        let label = run.known(&source)?;
        let storage = self.storage.as_deref().unwrap_or(&source.storage.name);
        let new = run.allocate(storages, storage, self.target, label.size / 1024)?;
        made.push(new.id());
        let (from, to) = (run.folder(&source, self.snapshot.as_deref()), run.folder(&new, None));
        let part = run.settings.part("full-clone");
        run.sleep(part / 2)?;
        if run.is_doomed() {
            copy_half(&from, &to)?;
            run.midpoint();
        }
        run.copy(&from, &to)?;
        run.sleep(part - part / 2)?;
        let (files, bytes) = super::other::count(&to);
        say::out(&copied(files, bytes));
        mount.set_size(label.size);
        mount.set_volume(&new.id());
        Ok(())
    }
}

/// Makes every second folder of the top, and nothing in it.
fn copy_half(from: &std::path::Path, to: &std::path::Path) -> Outcome<()> {
    for entry in std::fs::read_dir(from)?.flatten().step_by(2) {
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
