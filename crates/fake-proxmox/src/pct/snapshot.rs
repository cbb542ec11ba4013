//! `snapshot`, `delsnapshot`, `rollback`.

use serde::{Deserialize, Serialize};

use super::power;
use crate::clock;
use crate::conf::{Conf, Section, keys};
use crate::die::{Die, Outcome};
use crate::guest::check_lock;
use crate::job::Job;
use crate::run::Run;
use crate::running;
use crate::say;
use crate::schema::options::Given;
use crate::storage::features::{self, Feature};
use crate::storage::{Storages, Volume};

/// Takes a snapshot.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Take {
    vmid: u32,
    name: String,
    description: Option<String>,
}

/// Forgets a snapshot.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Drop {
    vmid: u32,
    name: String,
    force: bool,
}

/// Goes back to a snapshot.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct RollBack {
    vmid: u32,
    name: String,
    starts: bool,
}

fn named(given: &Given) -> (u32, String) {
    (given.vmid("vmid"), given.get("snapname").unwrap_or_default().to_owned())
}

pub(super) fn take_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let (vmid, name) = named(given);
    if matches!(name.as_str(), "current" | "vzdump") {
        return Err(Die::new(format!("unable to use snapshot name '{name}' (reserved name)")));
    }
    let description = given.get("description").filter(|text| !text.is_empty()).map(str::to_owned);
    let job = Job::Snapshot(Take { vmid, name, description });
    Ok(power::exit(run.work("vzsnapshot", &vmid.to_string(), job)?))
}

pub(super) fn drop_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let (vmid, name) = named(given);
    let job = Job::DropSnapshot(Drop { vmid, name, force: given.is("force") });
    Ok(power::exit(run.work("vzdelsnapshot", &vmid.to_string(), job)?))
}

pub(super) fn roll_back_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let (vmid, name) = named(given);
    let job = Job::RollBack(RollBack { vmid, name, starts: given.is("start") });
    Ok(power::exit(run.work("vzrollback", &vmid.to_string(), job)?))
}

fn missing(name: &str) -> Die {
    Die::new(format!("snapshot '{name}' does not exist"))
}

/// Returns the volumes of a section, and an error for what is none.
fn volumes(section: &Section) -> Vec<(String, String)> {
    let mounts = section.mounts().into_iter();
    mounts.map(|(key, mount)| (key, mount.volume().to_owned())).collect()
}

/// Copies what a snapshot keeps.
fn copied(from: &Section, into: &mut Section) {
    let skipped = ["snapstate", "snaptime", "vmstate", "lock", "digest", "description"];
    for (key, value) in &from.values {
        if !skipped.contains(&key.as_str()) && keys::numbered(key, "unused").is_none() {
            into.set(key, value.clone());
        }
    }
    into.lxc.clone_from(&from.lxc);
}

impl Take {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let Self { vmid, name, .. } = &self;
        let storages = Storages::read(run)?;
        let snapshot = run.alone(*vmid, || self.prepare(run, &storages))?;
        let mut done = Vec::new();
        let mut tried = Ok(());
        for (_, id) in volumes(&snapshot) {
            tried = tried.and_then(|()| run.snapshot(&storages, &id, name));
            if tried.is_ok() {
                done.push(id);
            }
            run.midpoint();
        }
        if let Err(die) = tried {
            say::err("snapshot create failed: starting cleanup\n");
            self.undo(run, &storages, &done)?;
            return Err(Die::raw(format!("{}\n", die.text())));
        }
        run.alone(*vmid, || {
            let mut conf = run.load(*vmid)?;
            if conf.main.lock() != Some("snapshot") {
                return Err(Die::new("missing snapshot lock"));
            }
            let taken = conf.snapshots.get_mut(name).ok_or_else(|| missing(name))?;
            taken.values.remove("snapstate");
            conf.main.values.remove("lock");
            conf.main.set("parent", name.clone());
            run.write(*vmid, &conf)
        })
    }

    fn prepare(&self, run: &Run, storages: &Storages) -> Outcome<Section> {
        let mut conf = run.load(self.vmid)?;
        if conf.main.is_template() {
            return Err(Die::new("you can't take a snapshot if it's a template"));
        }
        check_lock(&conf)?;
        conf.main.set("lock", "snapshot");
        let name = &self.name;
        if conf.snapshots.contains_key(name) {
            return Err(Die::new(format!("snapshot name '{name}' already used")));
        }
        for (_, id) in volumes(&conf.main) {
            let volume = Volume::parse(storages, &id);
            let is_able = !id.starts_with('/')
                && volume.is_ok_and(|volume| features::has(&volume, Feature::Snapshot, false));
            if !is_able {
                return Err(Die::new("snapshot feature is not available"));
            }
        }
        let mut snapshot = Section::default();
        copied(&conf.main, &mut snapshot);
        snapshot.set("snapstate", "prepare");
        snapshot.set("snaptime", (clock::wall() / 1000).to_string());
        if let Some(description) = &self.description {
            snapshot.set("description", description.clone());
        }
        conf.snapshots.insert(name.clone(), snapshot.clone());
        run.write(self.vmid, &conf)?;
        Ok(snapshot)
    }

    fn undo(&self, run: &Run, storages: &Storages, done: &[String]) -> Outcome<()> {
        for id in done {
            run.drop_snapshot(storages, id, &self.name)?;
        }
        run.alone(self.vmid, || {
            let mut conf = run.load(self.vmid)?;
            conf.snapshots.remove(&self.name);
            conf.main.values.remove("lock");
            run.write(self.vmid, &conf)
        })
    }
}

impl Drop {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let Self { vmid, name, force } = self;
        if !run.load(vmid)?.snapshots.contains_key(&name) {
            return Err(missing(&name));
        }
        run.set_lock(vmid, "snapshot-delete")?;
        let snapshot = run.alone(vmid, || {
            let mut conf = run.load(vmid)?;
            if conf.main.is_template() {
                return Err(Die::new("you can't delete a snapshot if vm is a template"));
            }
            let snapshot = conf.snapshots.get_mut(&name).ok_or_else(|| missing(&name))?;
            snapshot.set("snapstate", "delete");
            let snapshot = snapshot.clone();
            run.write(vmid, &conf)?;
            Ok(snapshot)
        })?;
        let storages = Storages::read(run)?;
        for (key, id) in volumes(&snapshot) {
            match run.drop_snapshot(&storages, &id, &name) {
                Err(die) if force => say::err(&die.text()),
                dropped => dropped?,
            }
            run.midpoint();
            if !force {
                run.alone(vmid, || {
                    let mut conf = run.load(vmid)?;
                    if let Some(snapshot) = conf.snapshots.get_mut(&name) {
                        snapshot.values.remove(&key);
                    }
                    run.write(vmid, &conf)
                })?;
            }
        }
        run.alone(vmid, || {
            let mut conf = run.load(vmid)?;
            let gone = conf.snapshots.remove(&name).ok_or_else(|| missing(&name))?;
            unlink(&mut conf, &name, gone.get("parent"));
            conf.main.values.remove("lock");
            for (_, id) in volumes(&snapshot) {
                conf.add_unused(&id);
            }
            run.write(vmid, &conf)
        })
    }
}

/// Gives the children of a snapshot its parent.
fn unlink(conf: &mut Conf, name: &str, parent: Option<&str>) {
    let sections = std::iter::once(&mut conf.main).chain(conf.snapshots.values_mut());
    for section in sections.filter(|section| section.get("parent") == Some(name)) {
        match parent {
            Some(parent) => section.set("parent", parent),
            None => {
                section.values.remove("parent");
            }
        }
    }
}

impl RollBack {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let Self { vmid, name, starts } = &self;
        let storages = Storages::read(run)?;
        let find = |conf: &Conf| -> Outcome<Section> {
            if conf.main.is_template() {
                return Err(Die::new("you can't rollback if vm is a template"));
            }
            conf.snapshots.get(name).cloned().ok_or_else(|| missing(name))
        };
        let snapshot = run.alone(*vmid, || {
            let mut conf = run.load(*vmid)?;
            let snapshot = find(&conf)?;
            for (_, id) in volumes(&snapshot) {
                run.check_rollback(&storages, &id, name)?;
            }
            if let Some(state) = snapshot.get("snapstate") {
                return Err(Die::new(format!(
                    "unable to rollback to incomplete snapshot (snapstate = {state})"
                )));
            }
            check_lock(&conf)?;
            power::stop(run, *vmid)?;
            conf.main.set("lock", "rollback");
            run.write(*vmid, &conf)?;
            Ok(snapshot)
        })?;
        for (_, id) in volumes(&snapshot) {
            run.roll_back(&storages, &id, name)?;
            run.midpoint();
        }
        run.alone(*vmid, || {
            let mut conf = run.load(*vmid)?;
            let snapshot = find(&conf)?;
            if running::is_running(&run.node, *vmid) {
                return Err(Die::new(format!("unable to rollback vm {vmid}: vm is running")));
            }
            if conf.main.lock() != Some("rollback") {
                return Err(Die::new("got wrong lock"));
            }
            apply(&mut conf, &snapshot, name);
            run.write(*vmid, &conf)
        })?;
        if *starts {
            let start = power::Start { vmid: *vmid, skip_lock: false };
            if let Err(die) = start.run(run) {
                say::err(&die.text());
            }
        }
        Ok(())
    }
}

/// Puts what a snapshot kept in the place of what is.
fn apply(conf: &mut Conf, snapshot: &Section, name: &str) {
    let kept = volumes(snapshot);
    for (_, id) in volumes(&conf.main) {
        if !id.starts_with('/') && !kept.iter().any(|(_, other)| *other == id) {
            conf.add_unused(&id);
        }
    }
    let mut main = Section::default();
    for (key, value) in &conf.main.values {
        if key == "description" || keys::numbered(key, "unused").is_some() {
            main.set(key, value.clone());
        }
    }
    copied(snapshot, &mut main);
    main.set("parent", name);
    conf.main = main;
    conf.pending = Section::default();
}
