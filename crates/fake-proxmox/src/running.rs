//! What is there while a container runs: the files of its first process, and no process.

mod net;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::conf::Conf;
use crate::die::{Die, Outcome};
use crate::node::{Node, write_deep, write_whole};
use crate::run::Run;
use crate::say::{self, add};
use crate::storage::{Storages, Volume};

/// No kernel gives a number as high, so nobody can hurt a process by mistake.
const FIRST_PID: u32 = 5_000_000;

/// A container that runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Life {
    pub(crate) pid: u32,
    pub(crate) hostname: String,
    pub(crate) rootfs: PathBuf,
    pub(crate) mounts: Vec<Bind>,
    /// When it was started, in milliseconds since boot.
    pub(crate) since_ms: u64,
}

/// Something of the host that is seen in a container.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Bind {
    pub(crate) source: PathBuf,
    /// Where it is seen, without a slash in front.
    pub(crate) target: String,
    pub(crate) is_read_only: bool,
}

/// Whether a container runs: its command socket is open.
pub(crate) fn is_running(node: &Node, vmid: u32) -> bool {
    let socket = socket(vmid);
    let text = fs::read_to_string(node.at("/proc/net/unix")).unwrap_or_default();
    text.lines().any(|line| line.rsplit(' ').next() == Some(socket.as_str()))
}

fn socket(vmid: u32) -> String {
    format!("@/var/lib/lxc/{vmid}/command")
}

fn life_path(node: &Node, vmid: u32) -> PathBuf {
    node.own("running").join(format!("{vmid}.json"))
}

/// Returns what is known of a container that runs.
pub(crate) fn life(node: &Node, vmid: u32) -> Outcome<Life> {
    let gone = || Die::new(format!("unable to get PID for CT {vmid} (not running?)"));
    let bytes = fs::read(life_path(node, vmid)).map_err(|_| gone())?;
    Ok(serde_json::from_slice(&bytes)?)
}

pub(crate) fn rewrite(node: &Node, vmid: u32, life: &Life) -> Outcome<()> {
    write_whole(&life_path(node, vmid), &serde_json::to_vec(life)?)
}

/// Returns where a path of the host that is mounted into a container is.
pub(crate) fn host_path(run: &Run, path: &str) -> PathBuf {
    run.node.at(path)
}

/// Brings a container to life.
pub(crate) fn begin(run: &Run, vmid: u32, conf: &Conf) -> Outcome<()> {
    let storages = Storages::read(run)?;
    let rootfs = conf.main.mounts().into_iter().find(|(key, _)| key == "rootfs");
    let Some((_, root)) = rootfs else { return Err(Die::new("missing 'rootfs' configuration")) };
    let rootfs = if root.is_volume() {
        run.folder(&Volume::parse(&storages, root.volume())?, None)
    } else {
        host_path(run, root.volume())
    };
    let mut mounts = Vec::new();
    for (_, mount) in conf.main.mounts().into_iter().filter(|(key, _)| key != "rootfs") {
        let source = if mount.is_volume() {
            run.folder(&Volume::parse(&storages, mount.volume())?, None)
        } else {
            host_path(run, mount.volume())
        };
        let target = mount.target().trim_matches('/').to_owned();
        mounts.push(Bind { source, target, is_read_only: mount.is("ro") });
    }
    mounts.extend(raw_mounts(run, conf));
    let alone = run.node.alone()?;
    let pid = take_pid(run)?;
    let hostname = conf.main.get("hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned);
    let life = Life { pid, hostname, rootfs, mounts, since_ms: clock::since_boot() };
    make_proc(run, vmid, conf, &life)?;
    fs::create_dir_all(run.node.own("running"))?;
    rewrite(&run.node, vmid, &life)?;
    let cgroup = format!("/sys/fs/cgroup/lxc/{vmid}/ns/cgroup.procs");
    write_deep(&run.node.at(cgroup), &format!("{pid}\n"))?;
    sockets(&run.node, |text| {
        add!(
            *text,
            "0000000000000000: 00000002 00000000 00010000 0001 01 {pid} {}\n",
            socket(vmid)
        );
    })?;
    drop(alone);
    Ok(())
}

fn take_pid(run: &Run) -> Outcome<u32> {
    let pid = run.node.read_json::<u32>("next-pid")?.unwrap_or(FIRST_PID);
    run.node.write_json("next-pid", &(pid + 1))?;
    Ok(pid)
}

/// Returns a number that no process has or had.
pub(crate) fn next_pid(run: &Run) -> Outcome<u32> {
    let _alone = run.node.alone()?;
    take_pid(run)
}

/// Ends a container, and whatever was started in it.
pub(crate) fn end(node: &Node, vmid: u32) -> Outcome<()> {
    let life = life(node, vmid).ok();
    if let Some(life) = &life {
        kill_inside(&life.rootfs);
    }
    let _alone = node.alone()?;
    let socket = socket(vmid);
    sockets(node, |text| {
        let kept = |line: &&str| line.rsplit(' ').next() != Some(socket.as_str());
        *text = say::lines(text.lines().filter(kept));
    })?;
    for path in [format!("/sys/fs/cgroup/lxc/{vmid}"), format!("/sys/fs/cgroup/lxc.monitor/{vmid}")]
    {
        fs::remove_dir_all(node.at(path)).ok();
    }
    if let Some(life) = life {
        fs::remove_dir_all(node.at("/proc").join(life.pid.to_string())).ok();
    }
    fs::remove_file(life_path(node, vmid)).ok();
    Ok(())
}

fn sockets(node: &Node, change: impl FnOnce(&mut String)) -> Outcome<()> {
    let path = node.at("/proc/net/unix");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    change(&mut text);
    write_whole(&path, text.as_bytes())
}

/// Kills every process whose root is the root of the container.
fn kill_inside(rootfs: &Path) {
    let Ok(root) = fs::metadata(rootfs) else { return };
    // Whoever has the root of this machine is not in a container.
    if fs::metadata("/").is_ok_and(|host| host.ino() == root.ino() && host.dev() == root.dev()) {
        return;
    }
    let Ok(entries) = fs::read_dir("/proc") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let (Some(pid), Ok(theirs)) = (pid, fs::metadata(entry.path().join("root"))) else {
            continue;
        };
        if theirs.ino() == root.ino() && theirs.dev() == root.dev() {
            kill_process(pid, Signal::KILL).ok();
        }
    }
}

/// Returns what raw lines mount.
pub(crate) fn raw_mounts(run: &Run, conf: &Conf) -> Vec<Bind> {
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [source, target, _, options, ..] = words.as_slice() else { return None };
        let options: Vec<&str> = options.split(',').collect();
        let is_bind = options.iter().any(|option| matches!(*option, "bind" | "rbind"));
        is_bind.then(|| Bind {
            source: host_path(run, source),
            target: target.trim_matches('/').to_owned(),
            is_read_only: options.contains(&"ro"),
        })
    };
    conf.main.raw("lxc.mount.entry").filter_map(entry).filter(|bind| bind.source.exists()).collect()
}

/// Returns the AppArmor profile a container runs under.
fn profile(vmid: u32, conf: &Conf) -> String {
    match conf.main.raw("lxc.apparmor.profile").last() {
        Some("unconfined") => "unconfined".into(),
        Some(named) if named != "generated" => format!("{named} (enforce)"),
        Some(_) | None => format!("lxc-{vmid}_</var/lib/lxc> (enforce)"),
    }
}

fn make_proc(run: &Run, vmid: u32, conf: &Conf, life: &Life) -> Outcome<()> {
    let pid = life.pid;
    let proc = run.node.at("/proc").join(pid.to_string());
    let ticks = life.since_ms / 10;
    let maps =
        |kind: &str| -> String {
            let maps = id_maps(conf).into_iter().filter(|map| map.0 == kind);
            say::lines(maps.map(|(_, inside, outside, count)| {
                format!("{inside:>10} {outside:>10} {count:>10}")
            }))
        };
    let status = format!(
        "Name:\tsystemd\nUmask:\t0000\nState:\tS (sleeping)\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\n\
         PPid:\t1\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t128\nGroups:\t\n\
         NStgid:\t{pid}\t1\nNSpid:\t{pid}\t1\nNSpgid:\t{pid}\t1\nNSsid:\t{pid}\t1\nThreads:\t1\n"
    );
    let stat = format!(
        "{pid} (systemd) S 1 {pid} {pid} 0 -1 4194560 2047 0 0 0 3 5 0 0 20 0 1 0 {ticks} \
         104325120 2560 18446744073709551615 1 1 0 0 0 0 671173123 4096 1260 0 0 0 17 0 0 0 0 0 0 \
         0 0 0 0 0 0 0 0\n"
    );
    write_deep(&proc.join("status"), &status)?;
    write_deep(&proc.join("stat"), &stat)?;
    write_deep(&proc.join("comm"), "systemd\n")?;
    write_deep(&proc.join("cmdline"), "/sbin/init\0")?;
    write_deep(&proc.join("attr/current"), &format!("{}\n", profile(vmid, conf)))?;
    write_deep(&proc.join("uid_map"), &maps("u"))?;
    write_deep(&proc.join("gid_map"), &maps("g"))?;
    write_deep(&proc.join("cgroup"), &format!("0::/lxc/{vmid}/ns\n"))?;
    net::make(run, vmid, conf, &proc.join("net"))?;
    symlink(&life.rootfs, proc.join("root"))?;
    Ok(())
}

/// A part of a map: of users or groups, the first inside, the first outside, how many.
pub(crate) type IdMap = (String, u64, u64, u64);

/// Returns how the users of a container are mapped.
pub(crate) fn id_maps(conf: &Conf) -> Vec<IdMap> {
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, inside, outside, count] = words.as_slice() else { return None };
        Some(((*kind).to_owned(), inside.parse().ok()?, outside.parse().ok()?, count.parse().ok()?))
    };
    let custom: Vec<IdMap> = conf.main.raw("lxc.idmap").filter_map(entry).collect();
    if !custom.is_empty() {
        return custom;
    }
    let (outside, count) = if conf.main.get("unprivileged") == Some("1") {
        (100_000, 65_536)
    } else {
        (0, 4_294_967_295)
    };
    ["u", "g"].into_iter().map(|kind| (kind.to_owned(), 0, outside, count)).collect()
}

/// Writes the network files of a container again, after an interface was changed while it runs.
pub(crate) fn renew_net(run: &Run, vmid: u32, conf: &Conf) -> Outcome<()> {
    let life = life(&run.node, vmid)?;
    let net = run.node.at("/proc").join(life.pid.to_string()).join("net");
    net::make(run, vmid, conf, &net)
}
