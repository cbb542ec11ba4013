//! `unlock`, `mount`, `unmount`, `df`, `fsck`, `rescan`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::conf::volumes::Mount;
use crate::die::{Die, Outcome};
use crate::guest::check_lock;
use crate::mounts;
use crate::run::Run;
use crate::running;
use crate::say;
use crate::schema::options::Given;
use crate::storage::{Storages, Volume};

pub(super) fn unlock(run: &Run, given: &mut Given) -> Outcome<u8> {
    run.remove_lock(given.vmid("vmid"), None)?;
    Ok(0)
}

pub(super) fn mount(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.alone(vmid, || {
        let conf = run.set_lock(vmid, "mounted")?;
        let root = super::look::root(&Storages::read(run)?, &conf)?;
        mounts::mount(&run.node, vmid, &run.folder(&root, None))
    })?;
    say::out(&format!("mounted CT {vmid} in '/var/lib/lxc/{vmid}/rootfs'\n"));
    Ok(0)
}

pub(super) fn unmount(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.alone(vmid, || {
        let conf = run.load(vmid)?;
        if conf.main.has("rootfs") {
            mounts::umount(&run.node, vmid)?;
        }
        run.remove_lock(vmid, Some("mounted"))
    })?;
    Ok(0)
}

/// Returns how many files are in a folder, and their bytes.
pub(crate) fn count(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            files += 1;
            if found.is_dir() {
                waiting.push(entry.path());
            } else {
                bytes += found.size();
            }
        }
    }
    (files, bytes)
}

pub(crate) fn used(folder: &Path) -> u64 {
    count(folder).1
}

fn shown(bytes: u64) -> String {
    let mut tenths = u128::from(bytes) * 10;
    if bytes < 1024 {
        return bytes.to_string();
    }
    for unit in ["K", "M", "G", "T"] {
        tenths = (tenths + 512) / 1024;
        if tenths < 10_240 || unit == "T" {
            return format!("{}.{}{unit}", tenths / 10, tenths % 10);
        }
    }
    bytes.to_string()
}

pub(super) fn df(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.alone(vmid, || {
        let conf = run.load(vmid)?;
        if !running::is_running(&run.node, vmid) {
            check_lock(&conf)?;
        }
        let storages = Storages::read(run)?;
        let head = ["MP", "Volume", "Size", "Used", "Avail", "Use%", "Path"].map(str::to_owned);
        let mut rows = vec![head.to_vec()];
        for (key, mount) in conf.main.mounts() {
            let (total, used) = if mount.is_volume() {
                let volume = Volume::parse(&storages, mount.volume())?;
                (run.known(&volume)?.size, used(&run.folder(&volume, None)))
            } else {
                (1 << 30, 0)
            };
            let thousandths = used * 1000 / total.max(1);
            rows.push(vec![
                key,
                mount.volume().to_owned(),
                shown(total),
                shown(used),
                shown(total.saturating_sub(used)),
                format!("{}.{}", thousandths / 10, thousandths % 10),
                mount.target().to_owned(),
            ]);
        }
        say::out(&table(&rows));
        Ok(0)
    })
}

/// Draws rows whose first two columns stand left and whose numbers stand right.
fn table(rows: &[Vec<String>]) -> String {
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            match column {
                0 | 1 => format!("{cell:<width$}"),
                2..=5 => format!("{cell:>width$}"),
                _ => cell.clone(),
            }
        });
        text.push_str(&cells.collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    text
}

pub(super) fn fsck(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let device = given.get("device").unwrap_or("rootfs");
    run.alone(vmid, || {
        let conf = run.load(vmid)?;
        let Some(text) = conf.main.get(device) else {
            let words = format!("cannot run command on non-existing mount point {device}");
            return Err(Die::new(words));
        };
        let mount = Mount::parse(device, text).map_err(Die::raw)?;
        if running::is_running(&run.node, vmid) {
            return Err(Die::new("cannot run fsck when container is running"));
        }
        let id = mount.volume();
        if id.starts_with('/') {
            return Err(Die::new(format!("path '{id}' does not point to a block device")));
        }
        let volume = Volume::parse(&Storages::read(run)?, id)?;
        if volume.format != "raw" {
            let format = volume.format;
            return Err(Die::new(format!("unable to run fsck for '{id}' (format == {format})")));
        }
        let blocks = run.known(&volume)?.size / 4096;
        let (files, bytes) = count(&run.folder(&volume, None));
        let (path, nodes, taken) = (volume.path(), blocks / 4, bytes / 4096);
        say::out("fsck from util-linux 2.38.1\n");
        say::out(&format!("{path}: clean, {files}/{nodes} files, {taken}/{blocks} blocks\n"));
        Ok(0)
    })
}

pub(super) fn rescan(run: &Run, given: &mut Given) -> Outcome<u8> {
    let is_dry = given.is("dryrun");
    if is_dry {
        say::out("NOTE: running in dry-run mode, won't write changes out!\n");
    }
    say::out("rescan volumes...\n");
    let vmids = match given.get("vmid") {
        Some(_) => vec![given.vmid("vmid")],
        None => run.containers()?,
    };
    let storages = Storages::read(run)?;
    for vmid in vmids {
        run.alone(vmid, || rescan_one(run, &storages, vmid, is_dry))?;
    }
    Ok(0)
}

fn rescan_one(run: &Run, storages: &Storages, vmid: u32, is_dry: bool) -> Outcome<()> {
    let mut conf = run.load(vmid)?;
    check_lock(&conf)?;
    let before = conf.main.clone();
    for storage in storages.all().iter().filter(|storage| storage.content.contains("rootdir")) {
        for (volume, label) in run.volumes(storage)? {
            if volume.owner != Some(vmid) {
                continue;
            }
            let id = volume.id();
            let used = conf.main.mounts().into_iter().find(|(_, mount)| mount.volume() == id);
            match used {
                Some((key, mut mount)) if mount.size() != Some(label.size) => {
                    say::out(&format!("CT {vmid}: updated volume size of '{id}' in config.\n"));
                    mount.set_size(label.size);
                    conf.main.set(&key, mount.print());
                }
                Some(_) => {}
                None => {
                    if let Some(key) = conf.add_unused(&id) {
                        say::out(&format!(
                            "CT {vmid}: add unreferenced volume '{id}' as '{key}' to config.\n"
                        ));
                    }
                }
            }
        }
    }
    if !is_dry && conf.main != before {
        run.write(vmid, &conf)?;
    }
    Ok(())
}
