//! `create`, `set`, `importdisk`, `resize`, `unlock`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::conf::{Machine, check_lock};
use super::drive::Drive;
use super::job::MachineJob;
use super::{keys, look, power, transferred};
use crate::conf::{Section, keys::numbered};
use crate::die::{Die, ENOENT, Outcome};
use crate::job::Job;
use crate::run::Run;
use crate::schema::options::Given;
use crate::schema::{Values, formats, parts};
use crate::storage::{Storages, Volume};
use crate::{clock, invent, say, vmlist};

const MOST_UNUSED: u32 = 256;

pub(super) fn create_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let words = format!("unable to create VM {vmid} - ");
    vmlist::check_unused(run, vmid).map_err(|die| die.after(&words))?;
    let starts = given.is("start");
    let own = ["vmid", "storage", "pool", "start", "force", "archive"];
    let mut values = std::mem::take(&mut given.values);
    values.retain(|key, _| !own.contains(&key.as_str()));
    let mut machine = Machine::default();
    machine.main.set("lock", "create");
    run.alone_with_machine(vmid, || run.write_machine(vmid, &machine))?;
    let job = MachineJob::Create { vmid, values };
    let failed = run.work("qmcreate", &vmid.to_string(), Job::Machine(job))?;
    if !failed && starts {
        let job = MachineJob::Start { vmid, skip_lock: false };
        run.work("qmstart", &vmid.to_string(), Job::Machine(job))?;
    }
    Ok(power::exit(failed))
}

pub(super) fn create(run: &Run, vmid: u32, values: Values) -> Outcome<()> {
    run.alone_with_machine(vmid, || {
        let mut main = Section::default();
        let mut made = Vec::new();
        let tried = fill(run, vmid, values, &mut main, &mut made);
        if let Err(die) = tried {
            run.free_all(&Storages::read(run)?, &made);
            run.forget_machine(vmid)?;
            return Err(die.after(&format!("unable to create VM {vmid} - ")));
        }
        run.midpoint();
        run.write_machine(vmid, &Machine { main, ..Machine::default() })
    })
}

fn fill(
    run: &Run,
    vmid: u32,
    values: Values,
    main: &mut Section,
    made: &mut Vec<String>,
) -> Outcome<()> {
    for (key, value) in values {
        let value = prepared(run, vmid, &key, &value, made)?;
        main.set(&key, value);
    }
    let now = clock::wall() / 1000;
    main.set("meta", format!("creation-qemu=7.2.22,ctime={now}"));
    if !main.has("smbios1") {
        main.set("smbios1", format!("uuid={}", invent::uuid()));
    }
    if !main.has("vmgenid") {
        main.set("vmgenid", invent::uuid());
    }
    if !main.has("boot") {
        let drives = Machine::drives(main);
        let disk = drives.iter().find(|(_, drive)| !drive.is_cdrom());
        let cdrom = drives.iter().find(|(_, drive)| drive.is_cdrom() && !drive.is_cloudinit());
        let net = main.values.keys().find(|key| numbered(key, "net").is_some());
        let mut order: Vec<&str> = disk.iter().chain(&cdrom).map(|(key, _)| key.as_str()).collect();
        order.extend(net.map(String::as_str));
        let order = order.join(";");
        main.set("boot", if order.is_empty() { " ".into() } else { format!("order={order}") });
    }
    Ok(())
}

/// Returns a value as it is written; a drive that is to be made is made.
fn prepared(
    run: &Run,
    vmid: u32,
    key: &str,
    value: &str,
    made: &mut Vec<String>,
) -> Outcome<String> {
    if numbered(key, "net").is_some() {
        return net(value);
    }
    if Drive::is_key(key) {
        return drive(run, vmid, key, value, made);
    }
    if key == "tags" {
        let tags: BTreeSet<String> =
            formats::split_list(value).into_iter().map(str::to_lowercase).collect();
        return Ok(tags.into_iter().collect::<Vec<_>>().join(";"));
    }
    Ok(value.to_owned())
}

/// Returns an interface as it is written: the model and the address first.
fn net(value: &str) -> Outcome<String> {
    let spelled = keys::with_model(value);
    let mut net = parts::parse(&keys::NET, &spelled, "").map_err(Die::raw)?;
    let model = net.remove("model").unwrap_or_default();
    let mac = net.remove("macaddr").unwrap_or_else(invent::mac);
    let rest = net.iter().map(|(key, value)| format!(",{key}={value}"));
    Ok(format!("{model}={mac}{}", rest.collect::<String>()))
}

/// Makes what a drive asks for; returns how it is written.
fn drive(run: &Run, vmid: u32, key: &str, value: &str, made: &mut Vec<String>) -> Outcome<String> {
    let storages = Storages::read(run)?;
    let mut drive = Drive::parse(value).map_err(Die::raw)?;
    let file = drive.file().to_owned();
    if file == "none" || file.starts_with('/') {
        return Ok(drive.print());
    }
    let (storage, name) = formats::volume_parts(&file)
        .ok_or_else(|| Die::new(format!("unable to parse volume ID '{file}'")))?;
    let format = drive.take("format");
    if name == "cloudinit" {
        let name = format!("vm-{vmid}-cloudinit.qcow2");
        let storage = storages.enabled(storage)?;
        let name = if storage.kind.has_path() { name } else { format!("vm-{vmid}-cloudinit") };
        let kind = if storage.kind.has_path() { "qcow2" } else { "raw" };
        let volume = run.allocate_image(storage, vmid, kind, Some(&name), 4096)?;
        made.push(volume.id());
        drive.set("file", &volume.id());
        drive.set("media", "cdrom");
        say::out(&format!("{key}: successfully created disk '{}'\n", drive.print()));
        say::out("generating cloud-init ISO\n");
        return Ok(drive.print());
    }
    if let Some(source) = drive.take("import-from") {
        let volume = import(run, &storages, vmid, &source, storage, format.as_deref())?;
        made.push(volume.id());
        let label = run.known(&volume)?;
        drive.set("file", &volume.id());
        drive.set("size", &label.size.to_string());
        say::out(&format!("{key}: successfully created disk '{}'\n", drive.print()));
        return Ok(drive.print());
    }
    if formats::is_decimal(name) {
        let kib = formats::multiply(name, 1 << 20).unwrap_or(0);
        let kind = format.as_deref().unwrap_or("raw");
        let volume = run.allocate_image(storages.enabled(storage)?, vmid, kind, None, kib)?;
        made.push(volume.id());
        drive.set("file", &volume.id());
        drive.set("size", &(kib * 1024).to_string());
        say::out(&format!("{key}: successfully created disk '{}'\n", drive.print()));
        return Ok(drive.print());
    }
    let volume = Volume::parse(&storages, &file)?;
    if volume.content == "images" && !drive.is_cdrom() {
        drive.set("size", &run.known(&volume)?.size.to_string());
    }
    Ok(drive.print())
}

/// Makes a volume with the content of a file.
fn import(
    run: &Run,
    storages: &Storages,
    vmid: u32,
    source: &str,
    storage: &str,
    format: Option<&str>,
) -> Outcome<Volume> {
    let bytes = size_of_image(Path::new(source))?;
    let storage = storages.enabled(storage)?;
    let kind = format.unwrap_or("raw");
    let volume = run.allocate_image(storage, vmid, kind, None, bytes / 1024)?;
    let content = run.folder(&volume, None).join("disk");
    fs::copy(source, content)?;
    say::out(&transferred(bytes));
    Ok(volume)
}

/// Returns how large the disk in a file is.
fn size_of_image(path: &Path) -> Outcome<u64> {
    let shown = path.display();
    let missing = || Die::new(format!("{shown}: non-existent or non-regular file")).errno(ENOENT);
    if !path.is_file() {
        return Err(missing());
    }
    let bytes = fs::read(path).map_err(|_| missing())?;
    if bytes.starts_with(b"QFI\xfb") {
        let size = bytes.get(24..32).unwrap_or_default();
        return Ok(size.iter().fold(0, |size, byte| size << 8 | u64::from(*byte)));
    }
    Ok(bytes.len() as u64)
}

fn add_unused(section: &mut Section, volume: &str) -> Option<String> {
    let free =
        (0..MOST_UNUSED).map(|number| format!("unused{number}")).find(|key| !section.has(key))?;
    section.set(&free, volume);
    Some(free)
}

pub(super) fn import_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let get = |key: &str| given.get(key).unwrap_or_default().to_owned();
    let (source, storage) = (get("source"), get("storage"));
    check_lock(&run.machine(vmid)?)?;
    size_of_image(Path::new(&source))?;
    let storages = Storages::read(run)?;
    if !storages.enabled(&storage)?.content.contains("images") {
        return Err(Die::new(format!("storage {storage} does not support vm images")));
    }
    say::out(&format!("importing disk '{source}' to VM {vmid} ...\n"));
    let volume = import(run, &storages, vmid, &source, &storage, given.get("format"))?;
    run.midpoint();
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        let key = match given.get("target-disk").filter(|key| Drive::is_key(key)) {
            Some(key) => {
                machine.main.set(key, volume.id());
                key.to_owned()
            }
            None => add_unused(&mut machine.main, &volume.id()).unwrap_or_default(),
        };
        run.write_machine(vmid, &machine)?;
        say::out(&format!("{key}: successfully imported disk '{}'\n", volume.id()));
        Ok(0)
    })
}

/// What is applied while a machine runs.
const AT_ONCE: [&str; 11] = [
    "name",
    "description",
    "onboot",
    "startup",
    "tags",
    "protection",
    "hookscript",
    "lock",
    "shares",
    "agent",
    "boot",
];

pub(super) fn set_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    given.take("vmid");
    let digest = given.take("digest");
    let skip_lock = given.take("skiplock").is_some();
    let force = given.take("force").is_some();
    if given.values.is_empty() {
        return Err(Die::new("no options specified"));
    }
    let words: Vec<String> = given
        .values
        .iter()
        .map(|(key, value)| match key.as_str() {
            "cipassword" => "-cipassword <hidden>".into(),
            _ => format!("-{key} {value}"),
        })
        .collect();
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        if !skip_lock {
            check_lock(&machine)?;
        }
        if digest.as_ref().is_some_and(|digest| *digest != machine.digest) {
            let words = "detected modified configuration - file changed by other user? Try again.";
            return Err(Die::new(words));
        }
        say::out(&format!("update VM {vmid}: {}\n", words.join(" ")));
        let is_running = run.machine_pid(vmid).is_some();
        for key in formats::split_list(&given.take("revert").unwrap_or_default()) {
            machine.pending.values.remove(key);
        }
        for key in formats::split_list(&given.take("delete").unwrap_or_default()) {
            delete(run, vmid, &mut machine, key, is_running, force)?;
        }
        let values = std::mem::take(&mut given.values);
        for (key, value) in values {
            let value = prepared(run, vmid, &key, &value, &mut Vec::new())?;
            keep(&mut machine, &key);
            let waits = is_running && !AT_ONCE.contains(&key.as_str()) && machine.main.has(&key);
            if waits {
                machine.pending.set(&key, value);
            } else {
                take_place(&mut machine.main, &key, &value);
                machine.pending.values.remove(&key);
            }
        }
        if !is_running {
            power::apply(&mut machine);
        }
        run.midpoint();
        run.write_machine(vmid, &machine)
    })?;
    Ok(0)
}

/// Puts a value in its place; a volume that was there is unused, one that is there is not.
fn take_place(main: &mut Section, key: &str, value: &str) {
    let new = Drive::parse(value).map(|drive| drive.file().to_owned()).unwrap_or_default();
    if Drive::is_key(key) {
        let old = main.get(key).and_then(|old| Drive::parse(old).ok());
        if let Some(old) = old.filter(|old| old.file() != new && !old.is_cdrom()) {
            add_unused(main, old.file());
        }
        main.values.retain(|key, volume| numbered(key, "unused").is_none() || *volume != new);
    }
    // The password is kept as it would be shown to the guest.
    let value = if key == "cipassword" { crypt(value) } else { value.to_owned() };
    main.set(key, value);
}

fn crypt(password: &str) -> String {
    let salt = say::hex(&invent::bytes::<4>());
    format!("$5${salt}${}", crate::sha1::hex(format!("{salt}{password}").as_bytes()))
}

/// What is set anew is not deleted any more.
fn keep(machine: &mut Machine, key: &str) {
    let gone = machine.pending.get("delete").unwrap_or_default().to_owned();
    let left: Vec<_> = formats::split_list(&gone).into_iter().filter(|one| *one != key).collect();
    if left.is_empty() {
        machine.pending.values.remove("delete");
    } else {
        machine.pending.set("delete", left.join(","));
    }
}

fn delete(
    run: &Run,
    vmid: u32,
    machine: &mut Machine,
    key: &str,
    is_running: bool,
    force: bool,
) -> Outcome<()> {
    if !machine.main.has(key) && !machine.pending.has(key) {
        say::err(&format!("cannot delete '{key}' - not set in current configuration!\n"));
        return Ok(());
    }
    machine.pending.values.remove(key);
    if is_running && !AT_ONCE.contains(&key) && numbered(key, "unused").is_none() {
        let old = machine.pending.get("delete").unwrap_or_default().to_owned();
        let gap = if old.is_empty() { "" } else { "," };
        machine.pending.set("delete", format!("{old}{gap}{key}"));
        return Ok(());
    }
    let value = machine.main.values.remove(key).unwrap_or_default();
    let storages = Storages::read(run)?;
    if numbered(key, "unused").is_some() {
        run.free_own(&storages, vmid, &value)?;
    } else if Drive::is_key(key)
        && let Ok(drive) = Drive::parse(&value)
    {
        if drive.is_cloudinit() || (force && !drive.is_cdrom()) {
            run.free_own(&storages, vmid, drive.file())?;
        } else if !drive.is_cdrom() {
            add_unused(&mut machine.main, drive.file());
        }
    }
    Ok(())
}

pub(super) fn resize_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let get = |key: &str| given.get(key).unwrap_or_default().to_owned();
    let job = MachineJob::Resize { vmid, disk: get("disk"), size: get("size") };
    run.machine(vmid)?;
    // How the worker ended is not asked.
    run.work("resize", &vmid.to_string(), Job::Machine(job))?;
    Ok(0)
}

pub(super) fn resize(run: &Run, vmid: u32, disk: &str, size: &str) -> Outcome<()> {
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        check_lock(&machine)?;
        let found = look::disks(&machine.main).into_iter().find(|(key, _)| key == disk);
        let Some((key, mut drive)) = found else {
            return Err(Die::new(format!("disk '{disk}' does not exist")));
        };
        let volume = Volume::parse(&Storages::read(run)?, drive.file())?;
        let now = run.known(&volume)?.size;
        let (base, size) = match size.strip_prefix('+') {
            Some(size) => (now, size),
            None => (0, size),
        };
        let bytes = base + formats::size(size).unwrap_or(0);
        if bytes < now {
            return Err(Die::new("shrinking disks is not supported"));
        }
        if bytes == now {
            return Ok(());
        }
        run.resize(&volume, bytes)?;
        drive.set("size", &bytes.to_string());
        machine.main.set(&key, drive.print());
        run.write_machine(vmid, &machine)
    })
}

pub(super) fn unlock_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        if machine.main.values.remove("lock").is_none() {
            return Err(Die::new("no lock found trying to remove any lock"));
        }
        run.write_machine(vmid, &machine)
    })?;
    Ok(0)
}
