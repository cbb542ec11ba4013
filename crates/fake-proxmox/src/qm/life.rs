//! What is there while a machine runs: a process with namespaces of its own, in which a guest boots.
//!
//! No kernel is started: the disk holds an archive of a root file system, which is unpacked at the first
//! start. Namespaces keep what runs in it apart, and end it all with the machine.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change,
};
use rustix::process::{Pid, Signal, chroot, kill_process};
use serde::{Deserialize, Serialize};

use super::guest::{self, Seed};
use super::look;
use crate::attach::make_devices;
use crate::die::{Die, Outcome};
use crate::invent;
use crate::node::{Node, write_deep};
use crate::process::program;
use crate::run::Run;
use crate::running::next_pid;
use crate::settings::Dhcp;
use crate::storage::{Storages, Volume};

/// The first argument of the process that is a machine.
pub(crate) const MACHINE: &str = "--fake-pve-machine";

/// How long one lives at most: where a test was killed, nobody ends its machines.
const LONGEST: Duration = Duration::from_mins(30);

/// What such a process gets told.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Orders {
    vmid: u32,
    socket: PathBuf,
    /// The file that is gone once it is to end.
    life: PathBuf,
    root: PathBuf,
    boot: PathBuf,
    has_agent: bool,
    seed: Seed,
}

fn real_pid(node: &Node, vmid: u32) -> PathBuf {
    node.own("machines").join(format!("{vmid}.pid"))
}

/// Returns where a machine says who it is.
fn socket(node: &Node, vmid: u32) -> PathBuf {
    node.at(format!("/run/qemu-server/{vmid}.qga"))
}

/// Starts a machine.
pub(super) fn begin(run: &Run, vmid: u32) -> Outcome<()> {
    let machine = run.machine(vmid)?;
    let pid = next_pid(run)?;
    let proc = run.node.at("/proc").join(pid.to_string());
    let ticks = crate::clock::since_boot() / 10;
    write_deep(
        &proc.join("stat"),
        &format!("{pid} (kvm) S 1 {pid} {pid} 0 -1 0 0 0 0 0 3 5 0 0 20 0 1 0 {ticks} 1 1\n"),
    )?;
    write_deep(&proc.join("cmdline"), &format!("/usr/bin/kvm\0-id\0{vmid}\0-name\0vm{vmid}\0"))?;
    run.set_machine_pid(vmid, Some(pid))?;
    if !run.settings.machines_boot {
        return Ok(());
    }
    let storages = Storages::read(run)?;
    let disk = look::disks(&machine.main).into_iter().next();
    let Some((_, disk)) = disk else { return Ok(()) };
    let folder = run.folder(&Volume::parse(&storages, disk.file())?, None);
    let Some(root) = unpacked(&folder)? else { return Ok(()) };
    let seed = Seed::read(run, &storages, &machine.main)?;
    let boot = run.node.own("machines").join(format!("{vmid}.boot"));
    write_deep(&boot, &format!("{}\n", invent::uuid()))?;
    let agent = machine.main.get("agent").unwrap_or_default();
    let socket = socket(&run.node, vmid);
    fs::remove_file(&socket).ok();
    let orders = Orders {
        vmid,
        has_agent: agent.starts_with('1') || agent.contains("enabled=1"),
        life: run.node.at(format!("/run/qemu-server/{vmid}.pid")),
        root,
        boot,
        seed: seed.addressed(match &run.settings.dhcp {
            Dhcp::Network(network) => Some(format!("{network}{}", vmid % 200 + 20)),
            Dhcp::Never => None,
        }),
        socket: socket.clone(),
    };
    // Its end of the socket is there when the command ends, as QEMU's is.
    let mut command = program("setsid");
    command.args(["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"]);
    command.args(["--propagation", "private", "--"]).arg(std::env::current_exe()?);
    command.arg(MACHINE).arg(serde_json::to_string(&orders)?);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn()?;
    write_deep(&real_pid(&run.node, vmid), &format!("{}\n", child.id()))?;
    while !socket.exists() {
        run.sleep(2)?;
    }
    Ok(())
}

/// Ends a machine, and whatever runs in it.
pub(super) fn end(run: &Run, vmid: u32) -> Outcome<()> {
    let real = real_pid(&run.node, vmid);
    let number = fs::read_to_string(&real).ok().and_then(|text| text.trim().parse().ok());
    if let Some(pid) = number.and_then(Pid::from_raw) {
        kill_process(pid, Signal::KILL).ok();
        fs::remove_file(&real).ok();
    }
    fs::remove_file(socket(&run.node, vmid)).ok();
    if let Some(pid) = run.machine_pid(vmid) {
        fs::remove_dir_all(run.node.at("/proc").join(pid.to_string())).ok();
        run.set_machine_pid(vmid, None)?;
    }
    Ok(())
}

/// Returns the root file system on a disk; nothing where nothing on it can be started.
fn unpacked(folder: &Path) -> Outcome<Option<PathBuf>> {
    let root = folder.join("root");
    if root.is_dir() {
        return Ok(Some(root));
    }
    let half = folder.join("root.half");
    fs::remove_dir_all(&half).ok();
    fs::create_dir_all(&half)?;
    let status =
        program("tar").arg("-xf").arg(folder.join("disk")).arg("-C").arg(&half).status()?;
    if !status.success() {
        return Ok(None);
    }
    fs::rename(&half, &root)?;
    Ok(Some(root))
}

/// Is the machine, in namespaces of its own, until it is killed or told to end.
pub(crate) fn be(orders: &str) -> Outcome<u8> {
    let orders: Orders = serde_json::from_str(orders)?;
    let life = File::open(&orders.life)?;
    let beside = orders.socket.with_extension("qga.new");
    fs::remove_file(&beside).ok();
    let listener = UnixListener::bind(&beside)?;
    fs::rename(&beside, &orders.socket)?;
    enter(&orders)?;
    let begun = Instant::now();
    let is_wanted =
        || begun.elapsed() < LONGEST && life.metadata().is_ok_and(|metadata| metadata.nlink() > 0);
    orders.seed.obey()?;
    let has_agent = orders.has_agent && guest::has_agent();
    guest::serve(&listener, orders.seed.address(), has_agent, is_wanted)?;
    Ok(0)
}

/// Makes the root file system the root.
fn enter(orders: &Orders) -> Outcome<()> {
    let root = &orders.root;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount_bind_recursive(root, root)?;
    make_devices(root)?;
    for folder in ["proc", "run", "tmp", "var/lib/cloud", "etc", "var/log"] {
        match fs::create_dir_all(root.join(folder)) {
            Err(err) if err.kind() != ErrorKind::AlreadyExists => return Err(err.into()),
            Ok(()) | Err(_) => {}
        }
    }
    let harmless = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", root.join("run"), "tmpfs", harmless, Some(c"size=64m,mode=0755"))
        .map_err(|err| Die::new(format!("/run of VM {}: {err}", orders.vmid)))?;
    mount("proc", root.join("proc"), "proc", MountFlags::NOSUID, None::<&std::ffi::CStr>)?;
    mount_bind(&orders.boot, root.join("proc/sys/kernel/random/boot_id"))?;
    chroot(root)?;
    rustix::process::chdir("/")?;
    Ok(())
}
