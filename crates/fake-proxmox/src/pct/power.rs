//! `start`, `stop`, `shutdown`, `reboot`.

use std::fs;

use serde::{Deserialize, Serialize};

use super::{change, os};
use crate::conf::{Conf, keys};
use crate::die::{Die, ENOENT, Outcome};
use crate::guest::check_lock;
use crate::job::Job;
use crate::node::write_deep;
use crate::run::Run;
use crate::running;
use crate::say::{self, add};
use crate::schema::options::Given;
use crate::schema::{Values, parts};
use crate::storage::{Storages, Volume};

/// Returns the exit code of a command that tells whether its worker failed.
pub(super) fn exit(failed: bool) -> u8 {
    if failed { 255 } else { 0 }
}

/// Starts a container.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Start {
    pub(crate) vmid: u32,
    pub(crate) skip_lock: bool,
}

/// Stops a container without asking it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Stop {
    vmid: u32,
    skip_lock: bool,
}

/// Asks a container to end.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Shutdown {
    vmid: u32,
}

/// Ends a container and starts it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Reboot {
    vmid: u32,
}

pub(super) fn start_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    check_stopped(run, vmid)?;
    let job = Job::Start(Start { vmid, skip_lock: given.is("skiplock") });
    Ok(exit(run.work("vzstart", &vmid.to_string(), job)?))
}

fn check_stopped(run: &Run, vmid: u32) -> Outcome<()> {
    if running::is_running(&run.node, vmid) {
        return Err(Die::new(format!("CT {vmid} already running")));
    }
    Ok(())
}

pub(super) fn stop_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    check_running(run, vmid, "CT")?;
    let job = Job::Stop(Stop { vmid, skip_lock: given.is("skiplock") });
    Ok(exit(run.work("vzstop", &vmid.to_string(), job)?))
}

fn check_running(run: &Run, vmid: u32, kind: &str) -> Outcome<()> {
    if running::is_running(&run.node, vmid) {
        return Ok(());
    }
    Err(Die::new(format!("{kind} {vmid} not running")))
}

pub(super) fn shutdown_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    check_running(run, vmid, "CT")?;
    Ok(exit(run.work("vzshutdown", &vmid.to_string(), Job::Shutdown(Shutdown { vmid }))?))
}

pub(super) fn reboot_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    check_running(run, vmid, "VM")?;
    Ok(exit(run.work("vzreboot", &vmid.to_string(), Job::Reboot(Reboot { vmid }))?))
}

impl Start {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let Self { vmid, skip_lock } = self;
        run.alone(vmid, || {
            let conf = run.load(vmid)?;
            if conf.main.is_template() {
                return Err(Die::new("you can't start a CT if it's a template"));
            }
            check_lock_but_mounted(&conf, skip_lock)?;
            let quota = conf.main.mounts().iter().any(|(_, mount)| mount.is("quota"));
            if quota && conf.main.get("unprivileged") == Some("1") {
                return Err(Die::new("Quotas are not supported by unprivileged containers."));
            }
            start(run, vmid, conf)
        })
    }
}

fn check_lock_but_mounted(conf: &Conf, skip_lock: bool) -> Outcome<()> {
    if skip_lock || conf.main.lock() == Some("mounted") { Ok(()) } else { check_lock(conf) }
}

impl Stop {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        run.alone(self.vmid, || {
            let conf = run.load(self.vmid)?;
            check_lock_but_mounted(&conf, self.skip_lock)?;
            stop(run, self.vmid)
        })
    }
}

impl Shutdown {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        run.alone(self.vmid, || {
            let conf = run.load(self.vmid)?;
            check_lock(&conf)?;
            stop(run, self.vmid)
        })
    }
}

impl Reboot {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        run.alone(self.vmid, || {
            if !running::is_running(&run.node, self.vmid) {
                return Ok(());
            }
            stop(run, self.vmid)?;
            run.midpoint();
            let conf = run.load(self.vmid)?;
            start(run, self.vmid, conf)
        })
    }
}

/// Stops what runs; what does not run is fine as well.
pub(super) fn stop(run: &Run, vmid: u32) -> Outcome<()> {
    if !running::is_running(&run.node, vmid) {
        return Ok(());
    }
    let conf = run.load(vmid)?;
    os::hook(run, vmid, &conf, "pre-stop")?;
    run.midpoint();
    running::end(&run.node, vmid)
}

/// Starts a container that is allowed to.
pub(super) fn start(run: &Run, vmid: u32, mut conf: Conf) -> Outcome<()> {
    let storages = Storages::read(run)?;
    if !conf.pending.is_empty() {
        change::apply(run, vmid, &mut conf, &storages, None, &mut Vec::new());
        run.write(vmid, &conf)?;
        conf = run.load(vmid)?;
    }
    write_lxc_config(run, vmid, &conf)?;
    warn_of_id_maps(&conf);
    for (_, mount) in conf.main.mounts().iter().filter(|(_, mount)| mount.is_volume()) {
        run.known(&Volume::parse(&storages, mount.volume())?)?;
    }
    os::hook(run, vmid, &conf, "pre-start")?;
    run.midpoint();
    let log = run.node.at(format!("/run/pve/ct-{vmid}.stderr"));
    fs::remove_file(&log).ok();
    if let Err(lines) = boot(run, vmid, &conf, &storages) {
        let file = say::lines(
            lines
                .iter()
                .map(|(source, line)| format!("lxc-start: {vmid}: ../src/lxc/{source}: {line}")),
        );
        write_deep(&log, &file)?;
        for (_, line) in &lines {
            say::err(&format!("{line}\n"));
        }
        return Err(Die::new(format!("startup for container '{vmid}' failed")));
    }
    let root = super::look::root(&storages, &conf)?;
    if let Some(warning) = os::nesting_warning(&run.folder(&root, None), &conf) {
        run.warn(&warning);
    }
    os::hook(run, vmid, &conf, "post-start")
}

/// A line of lxc's log: the file of its source, and the words.
type Line = (&'static str, String);

/// What lxc and its hooks do; an error is what lxc writes into its log.
fn boot(run: &Run, vmid: u32, conf: &Conf, storages: &Storages) -> Result<(), Vec<Line>> {
    let hook_failed = || {
        vec![
            ("conf.c", "run_buffer: 322 Script exited with status 2".into()),
            (
                "start.c",
                format!("lxc_init: 844 Failed to run lxc.hook.pre-start for container \"{vmid}\""),
            ),
            ("start.c", format!("__lxc_start: 2027 Failed to initialize container \"{vmid}\"")),
        ]
    };
    let spawn_failed = |first: Line| {
        let last = format!("__lxc_start: 2107 Failed to spawn container \"{vmid}\"");
        vec![first, ("start.c", last)]
    };
    let root = super::look::root(storages, conf).map_err(|_| hook_failed())?;
    let root = run.folder(&root, None);
    for (key, mount) in conf.main.mounts().iter().filter(|(key, _)| key != "rootfs") {
        let source = running::host_path(run, mount.volume());
        if key != "rootfs" && !mount.is_volume() && !source.exists() {
            return Err(hook_failed());
        }
        let target = os::inside(&root, mount.target());
        if !target.exists() {
            fs::create_dir_all(target).map_err(|_| hook_failed())?;
        }
    }
    os::set_up(run, &root, conf).map_err(|_| hook_failed())?;
    for line in conf.main.raw("lxc.mount.entry") {
        let options = line.split_whitespace().nth(3).unwrap_or_default();
        let source = line.split_whitespace().next().unwrap_or_default();
        let has = |option: &str| options.split(',').any(|known| known == option);
        if (has("bind") || has("rbind")) && !has("optional") {
            let target = line.split_whitespace().nth(1).unwrap_or_default();
            let path = os::inside(&root, target);
            let is_there = path.exists() || has("create=dir") || has("create=file");
            if !running::host_path(run, source).exists() || !is_there {
                return Err(spawn_failed((
                    "conf.c",
                    format!(
                        "mount_entry: 2431 No such file or directory - Failed to mount \
                         \"{source}\" on \"/usr/lib/x86_64-linux-gnu/lxc/rootfs/{target}\""
                    ),
                )));
            }
            if has("create=dir") {
                fs::create_dir_all(&path).map_err(|_| hook_failed())?;
            } else if has("create=file") && !path.exists() {
                path.parent().map(fs::create_dir_all);
                fs::write(&path, "").map_err(|_| hook_failed())?;
            }
        }
    }
    if let Some(line) = unmapped(run, conf) {
        return Err(spawn_failed(("conf.c", line)));
    }
    if let Some(profile) = missing_profile(run, conf) {
        let words = format!(
            "lsm_process_label_set_at: 174 No such file or directory - Failed to set AppArmor \
             label \"{profile}\""
        );
        return Err(spawn_failed(("lsm/lsm.c", words)));
    }
    let devices = run.node.at(format!("/var/lib/lxc/{vmid}/passthrough"));
    fs::create_dir_all(devices).map_err(|_| hook_failed())?;
    running::begin(run, vmid, conf).map_err(|_| hook_failed())
}

/// Returns the complaint of `newuidmap` about users the host does not give to root.
fn unmapped(run: &Run, conf: &Conf) -> Option<String> {
    for (kind, file, tool) in [("u", "/etc/subuid", "newuidmap"), ("g", "/etc/subgid", "newgidmap")]
    {
        if !conf.main.has_raw("lxc.idmap") {
            return None;
        }
        let text = fs::read_to_string(run.node.at(file)).unwrap_or_default();
        let ranges: Vec<(u64, u64)> = text
            .lines()
            .filter_map(|line| {
                let mut parts = line.split(':');
                let is_root = parts.next().is_some_and(|name| matches!(name, "root" | "0"));
                let first = parts.next()?.parse().ok()?;
                is_root.then_some((first, parts.next()?.trim().parse().ok()?))
            })
            .collect();
        for (_, inside, outside, count) in
            running::id_maps(conf).into_iter().filter(|map| map.0 == kind)
        {
            let fits = ranges
                .iter()
                .any(|(first, most)| outside >= *first && outside + count <= first + most);
            if !fits {
                return Some(format!(
                    "lxc_map_ids: 3701 {tool} failed to write mapping \"{tool}: {kind}id range \
                     [{inside}-{}) -> [{outside}-{}) not allowed\": {tool} {inside} {outside} \
                     {count}",
                    inside + count,
                    outside + count
                ));
            }
        }
    }
    None
}

fn missing_profile(run: &Run, conf: &Conf) -> Option<String> {
    let profile = conf.main.raw("lxc.apparmor.profile").last()?;
    if matches!(profile, "unconfined" | "generated" | "unchanged") {
        return None;
    }
    let loaded = fs::read_to_string(run.node.at("/sys/kernel/security/apparmor/profiles"));
    let loaded = loaded.unwrap_or_default();
    let is_loaded = loaded.lines().any(|line| line.split(" (").next() == Some(profile));
    (!is_loaded).then(|| profile.to_owned())
}

fn warn_of_id_maps(conf: &Conf) {
    let fits = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers = words.iter().skip(1).all(|word| word.parse::<u64>().is_ok());
        words.len() == 4 && matches!(words.first(), Some(&"u" | &"g")) && numbers
    };
    if let Some(line) = conf.main.raw("lxc.idmap").find(|line| !fits(line)) {
        say::err(&format!("lxc.idmap: failed to parse idmap: {line}\n"));
    }
}

/// Returns the largest packet of a bridge, which must be there.
pub(crate) fn bridge_mtu(run: &Run, bridge: &str) -> Outcome<u64> {
    let path = run.node.at(format!("/sys/class/net/{bridge}"));
    if bridge.is_empty() || !path.exists() {
        return Err(Die::new(format!("bridge '{bridge}' does not exist")).errno(ENOENT));
    }
    let mtu = fs::read_to_string(path.join("mtu")).unwrap_or_default();
    Ok(mtu.trim().parse().unwrap_or(1500))
}

pub(super) fn check_mtu(run: &Run, key: &str, net: &Values, mtu: u64) -> Outcome<()> {
    let bridge = net.get("bridge").map(String::as_str).unwrap_or_default();
    let most = bridge_mtu(run, bridge)?;
    if mtu > most {
        let words = format!("{key}: MTU size '{mtu}' is bigger than bridge MTU '{most}'");
        return Err(Die::new(words));
    }
    Ok(())
}

/// Writes what lxc reads, which checks half of what a start needs.
pub(super) fn write_lxc_config(run: &Run, vmid: u32, conf: &Conf) -> Outcome<()> {
    let folder = run.node.at(format!("/var/lib/lxc/{vmid}"));
    let main = &conf.main;
    if main.is_template() {
        fs::remove_file(folder.join("config")).ok();
        return Ok(());
    }
    let arch = main.get("arch").ok_or_else(|| Die::raw("missing 'arch' - internal error"))?;
    let mut text = format!("lxc.arch = {arch}\n");
    if main.get("ostype").is_none() {
        return Err(Die::raw("missing 'ostype' - internal error"));
    }
    warn_of_profile(conf);
    for (key, value) in main.values.iter().filter(|(key, _)| keys::numbered(key, "dev").is_some()) {
        let device = parts::parse(&keys::DEVICE, value, key).map_err(Die::raw)?;
        change::check_device(run, device.get("path").map(String::as_str).unwrap_or_default())?;
    }
    if main.get("unprivileged") == Some("1") && !main.has_raw("lxc.idmap") {
        text.push_str("lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n");
    }
    text.push_str("lxc.environment = TERM=linux\n");
    let hostname = main.get("hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned);
    add!(text, "lxc.uts.name = {hostname}\n");
    if !main.has("rootfs") {
        return Err(Die::new("missing 'rootfs' configuration"));
    }
    add!(text, "lxc.rootfs.path = /var/lib/lxc/{vmid}/rootfs\n");
    for (key, net) in Run::nets(conf) {
        let bridge = net.get("bridge").map(String::as_str).unwrap_or_default();
        let most = bridge_mtu(run, bridge)?;
        let mtu = net.get("mtu").and_then(|mtu| mtu.parse().ok()).unwrap_or(most);
        check_mtu(run, &key, &net, mtu)?;
        let number = keys::numbered(&key, "net").unwrap_or_default();
        let part = |part: &str| net.get(part).map(String::as_str).unwrap_or_default();
        add!(
            text,
            "lxc.net.{number}.type = veth\nlxc.net.{number}.veth.pair = veth{vmid}i{number}\n\
             lxc.net.{number}.hwaddr = {}\nlxc.net.{number}.name = {}\nlxc.net.{number}.mtu = \
             {mtu}\n",
            part("hwaddr"),
            part("name")
        );
    }
    for (key, value) in &main.lxc {
        add!(text, "{key} = {value}\n");
    }
    fs::create_dir_all(folder.join("rootfs"))?;
    write_deep(&folder.join("config"), &text)
}

/// Says what a profile of one's own switches off.
fn warn_of_profile(conf: &Conf) {
    let features = conf.main.get("features").unwrap_or_default();
    let features = parts::parse(&keys::FEATURES, features, "").unwrap_or_default();
    let mut overridden: Vec<String> = ["fuse", "nesting"]
        .iter()
        .filter(|key| features.get(**key).is_some_and(|is| is == "1"))
        .map(|key| format!("features:{key}"))
        .collect();
    if features.contains_key("mount") {
        overridden.push("features:mount".into());
    }
    if conf.main.has_raw("lxc.apparmor.profile") && !overridden.is_empty() {
        let overridden = overridden.join(", ");
        say::err(&format!(
            "explicitly configured lxc.apparmor.profile overrides the following settings: \
             {overridden}\n"
        ));
    }
}
