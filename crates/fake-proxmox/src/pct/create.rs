//! `pct create`: a container out of an archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};

use super::{change, os, power};
use crate::conf::Conf;
use crate::conf::keys;
use crate::conf::volumes::Mount;
use crate::die::{Die, ENOENT, Outcome};
use crate::job::Job;
use crate::mounts;
use crate::process;
use crate::run::Run;
use crate::say;
use crate::schema::options::Given;
use crate::schema::{Values, formats};
use crate::storage::{Storages, Volume};
use crate::vmlist;

/// Makes a container whose number is taken already.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Create {
    vmid: u32,
    archive: String,
    values: Values,
    mounts: Values,
    ignores_errors: bool,
    ssh_keys: Option<String>,
    starts: bool,
}

pub(super) fn command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let unprivileged = given.take("unprivileged").is_none_or(|value| value == "1");
    if given.is("restore") {
        say::err("restoring a backup is not part of the test double\n");
        return Ok(70);
    }
    vmlist::check_unused(run, vmid)?;
    let ssh_keys = given.take("ssh-public-keys");
    check_keys(ssh_keys.as_deref())?;
    check_pool(run, given.take("pool").as_deref())?;
    let archive = given.take("ostemplate").unwrap_or_default();
    let storage = given.take("storage").unwrap_or_else(|| "local".into());
    let storages = Storages::read(run)?;
    check_archive(&storages, &archive)?;
    let ignores_errors = given.is("ignore-unpack-errors");
    let starts = given.is("start");
    let own = [
        "vmid",
        "password",
        "force",
        "restore",
        "unique",
        "ignore-unpack-errors",
        "bwlimit",
        "start",
        "ha-managed",
    ];
    let mut values = std::mem::take(&mut given.values);
    values.retain(|key, _| !own.contains(&key.as_str()));
    change::clamp(&mut values);
    let mut mounts = take_mounts(&mut values, &storage);
    if !mounts.is_empty() && !mounts.contains_key("rootfs") {
        let words = "mount points configured, but 'rootfs' not set - aborting";
        return Err(Die::new(words));
    }
    check_mounts(&storages, &mounts)?;
    if mounts.is_empty() {
        check_storage(&storages, &storage)?;
        mounts.insert("rootfs".into(), format!("{storage}:4"));
    }
    let mut conf = Conf::default();
    let asked = change::Asked { values, delete: Vec::new(), revert: Vec::new() };
    change::update(run, vmid, &mut conf, false, &asked)?;
    if unprivileged {
        conf.main.set("unprivileged", "1");
    }
    run.create_and_lock(vmid)
        .map_err(|die| die.after(&format!("unable to create CT {vmid} - ")))?;
    let values = conf.main.values;
    let job = Create { vmid, archive, values, mounts, ignores_errors, ssh_keys, starts };
    let failed = run.work("vzcreate", &vmid.to_string(), Job::Create(job))?;
    Ok(power::exit(failed))
}

fn take_mounts(values: &mut Values, storage: &str) -> Values {
    let mut mounts = Values::new();
    let keys: Vec<String> = values.keys().cloned().collect();
    for key in keys {
        if key == "rootfs" || keys::numbered(&key, "mp").is_some() {
            let value = values.remove(&key).unwrap_or_default();
            let value =
                if formats::is_decimal(&value) { format!("{storage}:{value}") } else { value };
            mounts.insert(key, value);
        } else if keys::numbered(&key, "unused").is_some() {
            say::err(&format!("ignoring '{key}', cannot create/restore with unused volume\n"));
            values.remove(&key);
        }
    }
    mounts
}

fn check_keys(keys: Option<&str>) -> Outcome<()> {
    let kinds = ["ssh-", "ecdsa-", "sk-"];
    let fits = |line: &str| {
        let mut words = line.split_whitespace();
        let is_kind =
            words.next().is_some_and(|word| kinds.iter().any(|kind| word.starts_with(kind)));
        is_kind && words.next().is_some_and(|key| key.len() > 16)
    };
    let lines = keys.unwrap_or_default().lines().filter(|line| !line.trim().is_empty());
    if lines.filter(|line| !line.starts_with('#')).all(fits) {
        return Ok(());
    }
    Err(Die::new("SSH public key validation error").errno(ENOENT))
}

pub(super) fn check_pool(run: &Run, pool: Option<&str>) -> Outcome<()> {
    let Some(pool) = pool else { return Ok(()) };
    let users = fs::read_to_string(run.node.at("/etc/pve/user.cfg")).unwrap_or_default();
    if users.lines().any(|line| line.starts_with(&format!("pool:{pool}:"))) {
        return Ok(());
    }
    Err(Die::new(format!("pool '{pool}' does not exist")))
}

fn check_archive(storages: &Storages, archive: &str) -> Outcome<()> {
    if formats::volume_parts(archive).is_none() {
        return Ok(());
    }
    let volume = Volume::parse(storages, archive)?;
    if volume.content == "vztmpl" {
        return Ok(());
    }
    let words = format!("unable to use volume {archive} - content type needs to be 'vztmpl'");
    Err(Die::new(words))
}

fn check_mounts(storages: &Storages, mounts: &Values) -> Outcome<()> {
    for (key, value) in mounts {
        // What cannot be read is skipped here, as there.
        let Ok(mount) = Mount::parse(key, value) else { continue };
        if mount.is_volume() {
            let id = mount.volume();
            let (storage, _) = formats::volume_parts(id)
                .ok_or_else(|| Die::new(format!("unable to parse volume ID '{id}'")))?;
            check_storage(storages, storage)?;
        }
    }
    Ok(())
}

fn check_storage(storages: &Storages, name: &str) -> Outcome<()> {
    if storages.enabled(name)?.content.contains("rootdir") {
        return Ok(());
    }
    let why = format!("storage '{name}' does not support container directories");
    Err(Die::param("storage", why))
}

impl Create {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let vmid = self.vmid;
        run.alone(vmid, || self.make(run))?;
        if !self.starts {
            return Ok(());
        }
        // A start is a task of its own; that it failed changes nothing here.
        let start = power::Start { vmid, skip_lock: false };
        if let Err(die) = start.run(run) {
            say::err(&die.text());
        }
        Ok(())
    }

    fn make(&self, run: &Run) -> Outcome<()> {
        let vmid = self.vmid;
        run.load(vmid)?;
        let storages = Storages::read(run)?;
        let mut conf = Conf::default();
        conf.main.values.clone_from(&self.values);
        let mut made = Vec::new();
        let tried = self.fill(run, &storages, &mut conf, &mut made);
        mounts::umount(&run.node, vmid)?;
        let Err(die) = tried else { return Ok(()) };
        run.free_all(&storages, &made);
        if let Err(die) = run.forget(vmid) {
            say::err(&die.text());
        }
        Err(die.after(&format!("unable to create CT {vmid} - ")))
    }

    fn fill(
        &self,
        run: &Run,
        storages: &Storages,
        conf: &mut Conf,
        made: &mut Vec<String>,
    ) -> Outcome<()> {
        let vmid = self.vmid;
        // The root comes first.
        let order = self.mounts.iter().filter(|(key, _)| *key == "rootfs");
        let rest = self.mounts.iter().filter(|(key, _)| *key != "rootfs");
        for (key, value) in order.chain(rest) {
            let mut mount = Mount::parse(key, value).map_err(Die::raw)?;
            made.extend(change::allocate(run, vmid, storages, &mut mount)?);
            conf.main.set(key, mount.print());
        }
        let root = super::look::root(storages, conf)?;
        run.known(&root)?;
        let folder = run.folder(&root, None);
        mounts::mount(&run.node, vmid, &folder)?;
        let archive = self.archive_path(run, storages)?;
        self.unpack(run, &archive, &folder, conf)?;
        os::recognise(&folder, conf)?;
        run.write(vmid, conf)?;
        os::set_up(run, &folder, conf)?;
        if let Some(keys) =
            self.ssh_keys.as_deref().filter(|_| conf.main.get("ostype") != Some("unmanaged"))
        {
            os::authorize(&folder, keys)?;
        }
        if let Some(warning) = os::nesting_warning(&folder, conf) {
            run.warn(&warning);
        }
        let defaults =
            [("hostname", format!("CT{vmid}")), ("memory", "512".into()), ("swap", "512".into())];
        for (key, value) in defaults {
            if !conf.main.has(key) {
                conf.main.set(key, value);
            }
        }
        run.write(vmid, conf)
    }

    /// Returns where the archive is, and where the node sees it.
    fn archive_path(&self, run: &Run, storages: &Storages) -> Outcome<(PathBuf, String)> {
        if formats::volume_parts(&self.archive).is_none() {
            return Ok((run.node.at(&self.archive), self.archive.clone()));
        }
        let volume = Volume::parse(storages, &self.archive)?;
        let path = run.folder(&volume, None);
        if path.is_file() {
            return Ok((path, volume.path()));
        }
        let words = format!("volume '{}' does not exist", self.archive);
        // Whether it is an image of another kind is looked at first, and fails as well.
        say::err(&format!("{words}\n"));
        Err(Die::new(words))
    }

    fn unpack(
        &self,
        run: &Run,
        (archive, shown): &(PathBuf, String),
        folder: &Path,
        conf: &Conf,
    ) -> Outcome<()> {
        say::out(&format!("extracting archive '{shown}'\n"));
        let part = run.settings.part("unpack");
        run.sleep(part / 2)?;
        let packing = match shown.rsplit('.').next() {
            Some("zst") => Some("--zstd"),
            Some("gz" | "tgz") => Some("-z"),
            Some("xz") => Some("-J"),
            Some("bz2") => Some("-j"),
            _ => None,
        };
        let mut command = process::program("tar");
        command.arg("xpf").arg(archive).args(packing).args(["--totals", "--numeric-owner"]);
        command.arg("-C").arg(folder);
        if run.is_doomed() {
            let half = half_of(archive, packing)?;
            let list = run.node.own(format!("half.{}", self.vmid));
            fs::write(&list, half)?;
            command.arg("--no-recursion").arg("-T").arg(list);
        } else {
            command.args(["--skip-old-files", "--anchored", "--exclude", "./dev/*"]);
        }
        command.stdin(Stdio::null());
        let shown = self.shown_command(packing, conf);
        let done = process::run(run.signals.as_ref(), command, &shown);
        run.midpoint();
        if let Err(die) = done
            && !self.ignores_errors
        {
            return Err(die);
        }
        run.sleep(part - part / 2)
    }

    /// Returns the command as Proxmox would have started it, for its messages.
    fn shown_command(&self, packing: Option<&str>, conf: &Conf) -> String {
        let mut words: Vec<&str> = Vec::new();
        if conf.main.get("unprivileged") == Some("1") {
            words.extend(["lxc-usernsexec", "-m", "u:0:100000:65536", "-m", "g:0:100000:65536"]);
            words.push("--");
        }
        words.extend(["tar", "xpf", "-"]);
        words.extend(packing);
        words.extend(["--totals", "--one-file-system", "-p", "--sparse", "--numeric-owner"]);
        words.extend(["--acls", "--xattrs", "--xattrs-include=user.*"]);
        words.extend(["--xattrs-include=security.capability", "--warning=no-file-ignored"]);
        words.extend(["--warning=no-xattr-write", "-C"]);
        let root = format!("/var/lib/lxc/{}/rootfs", self.vmid);
        words.push(&root);
        words.extend(["--skip-old-files", "--anchored", "--exclude", "./dev/*"]);
        process::shell_words(&words)
    }
}

/// Returns the names of the first half of what is in an archive.
fn half_of(archive: &Path, packing: Option<&str>) -> Outcome<String> {
    let mut command = process::program("tar");
    let listed = command.arg("tf").arg(archive).args(packing).output()?;
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let count = names.lines().count() / 2;
    Ok(say::lines(names.lines().take(count)))
}
