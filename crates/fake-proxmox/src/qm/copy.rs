//! `clone`, `template`, `snapshot`, `delsnapshot`, `destroy`.

use std::fs;

use serde::{Deserialize, Serialize};

use super::conf::{Machine, check_lock};
use super::drive::Drive;
use super::job::MachineJob;
use super::power::exit;
use super::{look, transferred};
use crate::conf::Section;
use crate::conf::keys::numbered;
use crate::die::{Die, ENOENT, Outcome};
use crate::job::Job;
use crate::run::Run;
use crate::schema::options::Given;
use crate::storage::features::{self, Feature};
use crate::storage::{Storages, Volume};
use crate::{clock, invent, say};

/// What `errno` holds when something is a device that is not a terminal.
const ENOTTY: u8 = 25;

/// Copies a machine.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct CloneMachine {
    source: u32,
    target: u32,
    name: Option<String>,
    description: Option<String>,
    snapshot: Option<String>,
    is_full: bool,
}

pub(super) fn clone_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let (source, target) = (given.vmid("vmid"), given.vmid("newid"));
    let machine = run.machine(source)?;
    check_lock(&machine)?;
    if run.machine_path(target).exists() {
        let words = format!("unable to create VM {target}: config file already exists");
        return Err(Die::new(words).errno(ENOENT));
    }
    crate::vmlist::check_unused(run, target)?;
    let is_full = given.get("full").map_or_else(|| !machine.main.is_template(), |full| full == "1");
    let mut locked = Machine::default();
    locked.main.set("lock", "clone");
    run.write_machine(target, &locked)?;
    let text = |key: &str| given.get(key).map(str::to_owned);
    let (name, description, snapshot) = (text("name"), text("description"), text("snapname"));
    let clone = CloneMachine { source, target, name, description, snapshot, is_full };
    let job = MachineJob::Clone(clone);
    Ok(exit(run.work("qmclone", &source.to_string(), Job::Machine(job))?))
}

impl CloneMachine {
    pub(super) fn run(self, run: &Run) -> Outcome<()> {
        let (source, target) = (self.source, self.target);
        say::out(&format!("creating a clone of VM {source} with ID {target}\n"));
        let storages = Storages::read(run)?;
        let mut made = Vec::new();
        let tried = run.alone_with_machine(source, || self.copy(run, &storages, &mut made));
        match tried {
            Ok(machine) => run.write_machine(target, &machine),
            Err(die) => {
                run.free_all(&storages, &made);
                run.forget_machine(target)?;
                Err(die.after("clone failed: "))
            }
        }
    }

    fn copy(&self, run: &Run, storages: &Storages, made: &mut Vec<String>) -> Outcome<Machine> {
        let machine = run.machine(self.source)?;
        let from = match &self.snapshot {
            None => machine.main,
            Some(name) => machine
                .snapshots
                .get(name)
                .cloned()
                .ok_or_else(|| Die::new(format!("snapshot '{name}' does not exist")))?,
        };
        let mut main = Section::default();
        for (key, value) in &from.values {
            if numbered(key, "unused").is_some()
                || ["template", "parent", "lock", "snaptime"].contains(&key.as_str())
            {
                continue;
            }
            main.set(key, value.clone());
        }
        main.set("smbios1", format!("uuid={}", invent::uuid()));
        main.set("vmgenid", invent::uuid());
        if let Some(name) = &self.name {
            main.set("name", name.clone());
        }
        if let Some(description) = &self.description {
            main.set("description", description.clone());
        }
        let nets: Vec<String> =
            main.values.keys().filter(|key| numbered(key, "net").is_some()).cloned().collect();
        for key in nets {
            let value = main.get(&key).unwrap_or_default();
            let (model, rest) = value.split_once('=').unwrap_or((value, ""));
            let rest = rest.split_once(',').map(|(_, rest)| format!(",{rest}")).unwrap_or_default();
            let value = format!("{model}={}{rest}", invent::mac());
            main.set(&key, value);
        }
        for (key, mut drive) in Machine::drives(&from) {
            if drive.is_cdrom() && !drive.is_cloudinit() {
                continue;
            }
            let new = self.copy_drive(run, storages, &key, &drive)?;
            made.push(new.id());
            drive.set("file", &new.id());
            drive.set("size", &run.known(&new)?.size.to_string());
            main.set(&key, drive.print());
            run.midpoint();
        }
        Ok(Machine { main, ..Machine::default() })
    }

    fn copy_drive(
        &self,
        run: &Run,
        storages: &Storages,
        key: &str,
        drive: &Drive,
    ) -> Outcome<Volume> {
        let id = drive.file();
        let source = Volume::parse(storages, id)?;
        let label = run.known(&source)?;
        let storage = &source.storage;
        if !self.is_full && source.is_base {
            say::out(&format!("create linked clone of drive {key} ({id})\n"));
            return self.link(run, &source, label.size);
        }
        say::out(&format!("create full clone of drive {key} ({id})\n"));
        let own = source.name.replace(&self.source.to_string(), &self.target.to_string());
        let name = drive.is_cloudinit().then_some(own);
        let kib = label.size / 1024;
        let new = run.allocate_image(storage, self.target, source.format, name.as_deref(), kib)?;
        say::out(&format!("allocated target volume '{}'\n", new.id()));
        run.copy(&run.folder(&source, self.snapshot.as_deref()), &run.folder(&new, None))?;
        if !drive.is_cloudinit() {
            say::out(&transferred(label.size));
        }
        Ok(new)
    }

    /// Makes a file that holds only what differs from another one.
    fn link(&self, run: &Run, source: &Volume, bytes: u64) -> Outcome<Volume> {
        let target = self.target;
        if !source.storage.kind.has_path() {
            let storages = Storages::read(run)?;
            let id = run.clone_linked(&storages, &source.id(), target, None)?;
            return Volume::parse(&storages, &id);
        }
        let base_owner = source.owner.unwrap_or(0);
        let base = &source.name;
        for number in 0..1024 {
            let name = format!("vm-{target}-disk-{number}.qcow2");
            let whole = format!("{base_owner}/{base}/{target}/{name}");
            let volume = Volume::on(&source.storage, &whole)?;
            if !run.put(&volume, bytes)? {
                continue;
            }
            say::err(&format!(
                "clone {}: images, {name}, {target} to {name} (base=../{base_owner}/{base})\n",
                source.whole
            ));
            say::out(&format!(
                "Formatting '{}', fmt=qcow2 cluster_size=131072 extended_l2=on \
                 preallocation=metadata compression_type=zlib size={bytes} \
                 backing_file=../{base_owner}/{base} backing_fmt={} lazy_refcounts=off \
                 refcount_bits=16\n",
                volume.path(),
                source.format
            ));
            return Ok(volume);
        }
        Err(Die::new(format!("unable to allocate an image name for VM {target}")))
    }
}

pub(super) fn template_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let machine = run.machine(vmid)?;
    check_lock(&machine)?;
    if !machine.snapshots.is_empty() {
        return Err(Die::new("unable to create template, because VM contains snapshots"));
    }
    if machine.main.is_template() {
        return Err(Die::new("you can't convert a template to a template"));
    }
    if run.machine_pid(vmid).is_some() {
        return Err(Die::new("you can't convert a VM to template if VM is running"));
    }
    // How the worker ended is not asked.
    run.work("qmtemplate", &vmid.to_string(), Job::Machine(MachineJob::Template { vmid }))?;
    Ok(0)
}

pub(super) fn template(run: &Run, vmid: u32) -> Outcome<()> {
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        let storages = Storages::read(run)?;
        machine.main.set("template", "1");
        run.write_machine(vmid, &machine)?;
        for (key, mut drive) in look::disks(&machine.main) {
            let base = run.make_base(&storages, drive.file())?;
            drive.set("file", &base);
            machine.main.set(&key, drive.print());
            run.midpoint();
        }
        run.write_machine(vmid, &machine)
    })
}

pub(super) fn snapshot_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let name = given.get("snapname").unwrap_or_default().to_owned();
    if matches!(name.as_str(), "current" | "pending") {
        return Err(Die::new(format!("unable to use snapshot name '{name}' (reserved name)")));
    }
    let description = given.get("description").map(str::to_owned);
    let job = MachineJob::Snapshot { vmid, name, description };
    Ok(exit(run.work("qmsnapshot", &vmid.to_string(), Job::Machine(job))?))
}

pub(super) fn snapshot(
    run: &Run,
    vmid: u32,
    name: &str,
    description: Option<String>,
) -> Outcome<()> {
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        if machine.main.is_template() {
            return Err(Die::new("you can't take a snapshot if it's a template"));
        }
        check_lock(&machine)?;
        if machine.snapshots.contains_key(name) {
            return Err(Die::new(format!("snapshot name '{name}' already used")));
        }
        let storages = Storages::read(run)?;
        let disks = look::disks(&machine.main);
        for (_, drive) in &disks {
            let volume = Volume::parse(&storages, drive.file())?;
            if !features::has(&volume, Feature::Snapshot, false) {
                return Err(Die::new("snapshot feature is not available"));
            }
        }
        let mut kept = machine.main.clone();
        kept.values.retain(|key, _| numbered(key, "unused").is_none() && key != "description");
        kept.set("snaptime", (clock::wall() / 1000).to_string());
        if let Some(description) = description {
            kept.set("description", description);
        }
        for (key, drive) in &disks {
            say::out(&format!("snapshotting 'drive-{key}' ({})\n", drive.file()));
            run.snapshot(&storages, drive.file(), name)?;
            run.midpoint();
        }
        machine.snapshots.insert(name.to_owned(), kept);
        machine.main.set("parent", name);
        run.write_machine(vmid, &machine)
    })
}

pub(super) fn drop_snapshot_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let name = given.get("snapname").unwrap_or_default().to_owned();
    let job = MachineJob::DropSnapshot { vmid, name };
    Ok(exit(run.work("qmdelsnapshot", &vmid.to_string(), Job::Machine(job))?))
}

pub(super) fn drop_snapshot(run: &Run, vmid: u32, name: &str) -> Outcome<()> {
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        let Some(gone) = machine.snapshots.remove(name) else {
            return Err(Die::new(format!("snapshot '{name}' does not exist")));
        };
        check_lock(&machine)?;
        let storages = Storages::read(run)?;
        for (_, drive) in look::disks(&gone) {
            run.drop_snapshot(&storages, drive.file(), name)?;
            run.midpoint();
        }
        let parent = gone.get("parent").map(str::to_owned);
        let sections = std::iter::once(&mut machine.main).chain(machine.snapshots.values_mut());
        for section in sections.filter(|section| section.get("parent") == Some(name)) {
            match &parent {
                Some(parent) => section.set("parent", parent.clone()),
                None => {
                    section.values.remove("parent");
                }
            }
        }
        run.write_machine(vmid, &machine)
    })
}

pub(super) fn destroy_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let machine = run.machine(vmid)?;
    if !given.is("skiplock") {
        check_lock(&machine)?;
    }
    if machine.main.get("protection") == Some("1") {
        return Err(Die::new(format!("can't remove VM {vmid} - protection mode enabled")));
    }
    if run.machine_pid(vmid).is_some() {
        return Err(Die::new(format!("VM {vmid} is running - destroy failed")).errno(ENOTTY));
    }
    let (purge, unreferenced) = (given.is("purge"), given.is("destroy-unreferenced-disks"));
    let job = MachineJob::Destroy { vmid, purge, unreferenced };
    Ok(exit(run.work("qmdestroy", &vmid.to_string(), Job::Machine(job))?))
}

pub(super) fn destroy(run: &Run, vmid: u32, purge: bool, unreferenced: bool) -> Outcome<()> {
    run.alone_with_machine(vmid, || {
        let machine = run.machine(vmid)?;
        let storages = Storages::read(run)?;
        let drives = Machine::drives(&machine.main);
        for (_, drive) in &drives {
            let is_base = Volume::parse(&storages, drive.file()).is_ok_and(|volume| volume.is_base);
            if is_base && run.is_base_in_use(&storages, drive.file())? {
                let id = drive.file();
                return Err(Die::new(format!(
                    "base volume '{id}' is still in use by linked cloned"
                )));
            }
        }
        let unused = machine.main.unused().into_iter().map(|(_, volume)| volume);
        let files = drives.iter().map(|(_, drive)| drive.file().to_owned());
        for id in files.chain(unused).filter(|id| id.contains(':')) {
            run.free_own(&storages, vmid, &id)?;
            run.midpoint();
        }
        if unreferenced {
            for storage in
                storages.all().iter().filter(|storage| storage.content.contains("images"))
            {
                for (volume, _) in run.volumes(storage)? {
                    if volume.owner == Some(vmid) {
                        run.free_all(&storages, &[volume.id()]);
                    }
                }
            }
        }
        fs::remove_file(run.node.at(format!("/etc/pve/firewall/{vmid}.fw"))).ok();
        if purge {
            say::out(&format!("purging VM {vmid} from related configurations..\n"));
        }
        run.forget_machine(vmid)
    })
}
