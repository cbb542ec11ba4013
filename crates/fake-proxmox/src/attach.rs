//! Goes into a container: a mount namespace of its own, its mounts, its root; then a command.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive};
use rustix::mount::{mount_change, mount_remount};
use rustix::process::{chroot, geteuid};
use serde::{Deserialize, Serialize};

use crate::die::{Die, Outcome};
use crate::node::Node;
use crate::pct::files::{Owner, create};
use crate::process;
use crate::run::Run;
use crate::running::{self, Bind, Life};
use crate::say;

/// The first argument of the process that goes into a container.
pub(crate) const ENTER: &str = "--fake-pve-enter";

/// What a command in a container finds in its environment.
#[derive(Debug)]
pub(crate) struct Environment {
    /// Whether it finds what we found.
    pub(crate) keeps: bool,
    pub(crate) path: Option<String>,
    pub(crate) set: Vec<(String, String)>,
}

/// What is to be done in a container.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Act {
    Command {
        words: Vec<String>,
    },
    /// Writes what comes in into a file.
    Receive {
        path: String,
        owner: Owner,
    },
    /// Writes a file to what goes out.
    Send {
        path: String,
    },
}

#[derive(Deserialize, Serialize)]
struct Orders {
    vmid: u32,
    rootfs: PathBuf,
    hostname: String,
    mounts: Vec<Bind>,
    act: Act,
}

/// Returns a program that goes into a container and does something there.
fn entering(vmid: u32, life: &Life, act: Act) -> Outcome<Command> {
    let orders = Orders {
        vmid,
        rootfs: life.rootfs.clone(),
        hostname: life.hostname.clone(),
        mounts: life.mounts.clone(),
        act,
    };
    // A namespace cannot be made without `unsafe` here, so a program makes it.
    let mut command = process::program("unshare");
    if !geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--uts", "--propagation", "private", "--"]);
    command.arg(std::env::current_exe()?).arg(ENTER).arg(serde_json::to_string(&orders)?);
    Ok(command)
}

/// Runs a command in a container; returns what a shell would say of its end.
pub(crate) fn run(
    run: &Run,
    vmid: u32,
    words: &[String],
    environment: &Environment,
) -> Outcome<u8> {
    let life = running::life(&run.node, vmid)?;
    let mut command = entering(vmid, &life, Act::Command { words: words.to_vec() })?;
    if environment.keeps {
        if let Some(path) = &environment.path {
            command.env("PATH", path);
        }
    } else {
        command.env_clear();
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    }
    command.env_remove(crate::VARIABLE);
    command.env("container", "lxc").env("TERM", "linux");
    command.envs(environment.set.iter().map(|(name, value)| (name, value)));
    let status = command.status()?;
    let signal = status.signal().map(|signal| 128 + signal);
    Ok(status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(255))
}

/// Moves the content of a file into a container or out of it.
pub(crate) fn inside(
    run: &Run,
    life: &Life,
    act: &Act,
    input: Stdio,
    output: Option<File>,
) -> Outcome<()> {
    let act = match act {
        Act::Receive { path, owner } => Act::Receive { path: path.clone(), owner: owner.clone() },
        Act::Send { path } => Act::Send { path: path.clone() },
        Act::Command { words } => Act::Command { words: words.clone() },
    };
    let mut command = entering(0, life, act)?;
    command.stdin(input).stderr(Stdio::piped());
    match output {
        Some(file) => {
            command.stdout(file);
        }
        None => {
            command.stdout(Stdio::null());
        }
    }
    let done = command.spawn()?.wait_with_output()?;
    run.check()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if said.is_empty() { Ok(()) } else { Err(Die::raw(said)) }
}

/// Goes in, in the namespace that was made for it, and does what was asked.
pub(crate) fn enter(orders: &str) -> Outcome<u8> {
    let orders: Orders = serde_json::from_str(orders)?;
    let root = &orders.rootfs;
    rustix::system::sethostname(orders.hostname.as_bytes()).ok();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    // The root must be a mount of its own before others are put below it.
    mount_bind_recursive(root, root)?;
    for bind in &orders.mounts {
        bind_one(root, bind)?;
    }
    make_devices(root)?;
    let proc = root.join("proc");
    fs::create_dir_all(&proc).ok();
    mount_bind_recursive("/proc", &proc).ok();
    chroot(root)?;
    rustix::process::chdir("/")?;
    match orders.act {
        Act::Command { words } => Ok(command(orders.vmid, &words)),
        Act::Receive { path, owner } => {
            let mut file = create(Path::new(&path), &owner)?;
            // As with Proxmox, nobody looks whether all of it arrived.
            io::copy(&mut io::stdin(), &mut file).ok();
            Ok(0)
        }
        Act::Send { path } => {
            let mut file = File::open(&path)
                .map_err(|err| Die::new(format!("failed to open {path}: {}", reason(&err))))?;
            io::copy(&mut file, &mut io::stdout()).ok();
            Ok(0)
        }
    }
}

fn bind_one(root: &Path, bind: &Bind) -> Outcome<()> {
    let target = crate::pct::os::inside(root, &bind.target);
    if bind.source.is_dir() {
        fs::create_dir_all(&target)?;
    } else if !target.exists() {
        target.parent().map(fs::create_dir_all);
        File::create(&target)?;
    }
    mount_bind_recursive(&bind.source, &target)?;
    if bind.is_read_only {
        mount_remount(&target, MountFlags::BIND | MountFlags::RDONLY, "")?;
    }
    Ok(())
}

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Gives the container the devices that harm nobody.
pub(crate) fn make_devices(root: &Path) -> Outcome<()> {
    let folder = root.join("dev");
    fs::create_dir_all(&folder).ok();
    if mount("none", &folder, "tmpfs", MountFlags::NOSUID, Some(c"size=64k,mode=0755")).is_err() {
        return Ok(());
    }
    for name in DEVICES {
        let node = folder.join(name);
        File::create(&node)?;
        mount_bind(Path::new("/dev").join(name), &node).ok();
    }
    for (name, to) in
        [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")]
    {
        std::os::unix::fs::symlink(to, folder.join(name)).ok();
    }
    Ok(())
}

/// Becomes the command; what comes back is that it could not.
fn command(vmid: u32, words: &[String]) -> u8 {
    let (name, rest) = match words.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("/bin/sh", words),
    };
    let err = process::program(name).args(rest).exec();
    let exit = if err.kind() == ErrorKind::NotFound { 127 } else { 126 };
    let why = reason(&err);
    say::err(&format!(
        "lxc-attach: {vmid}: ../src/lxc/attach.c: lxc_attach_run_command: 1841 {why} - Failed to \
         exec \"{name}\"\n"
    ));
    exit
}

/// `lxc-attach`: like `pct exec`, without the start of Perl.
pub(crate) fn main(run_: &Run, words: &[String]) -> u8 {
    let mut environment = Environment { keeps: true, path: None, set: Vec::new() };
    let mut name = None;
    let mut words = words.iter();
    let mut command: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        let (key, inline) = match word.split_once('=').filter(|_| word.starts_with("--")) {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let mut value = || inline.clone().or_else(|| words.next().cloned());
        match key {
            "-n" | "--name" => name = value(),
            "--clear-env" => environment.keeps = false,
            "--keep-env" => environment.keeps = true,
            "-v" | "--set-var" => {
                let pair = value().unwrap_or_default();
                let (key, value) = pair.split_once('=').unwrap_or((&pair, ""));
                environment.set.push((key.to_owned(), value.to_owned()));
            }
            "-P" | "--lxcpath" | "-l" | "--logpriority" | "-o" | "--logfile" => drop(value()),
            "--" => {
                command.extend(words.by_ref().cloned());
            }
            other if other.starts_with('-') => {
                say::err(&format!("lxc-attach: unrecognized option '{other}'\n"));
                return 1;
            }
            _ => {
                command.push(word.clone());
                command.extend(words.by_ref().cloned());
            }
        }
    }
    let vmid = name.as_deref().and_then(|name| name.parse().ok());
    let Some(vmid) = vmid.filter(|vmid| running::is_running(&run_.node, *vmid)) else {
        let name = name.unwrap_or_default();
        let source = format!("lxc-attach: {name}: ../src/lxc/attach.c");
        say::err(&format!(
            "{source}: get_attach_context: 405 Connection refused - Failed to get init pid\n\
             {source}: lxc_attach: 1469 Connection refused - Failed to get attach context\n"
        ));
        return 1;
    };
    match run(run_, vmid, &command, &environment) {
        Ok(exit) => exit,
        Err(die) => {
            say::err(&die.text());
            1
        }
    }
}

/// Finds the world in the way a program was started.
pub(crate) fn world_of(arg0: &OsString, variable: Option<OsString>) -> Option<Node> {
    let path = Path::new(arg0);
    let of_path = path
        .components()
        .nth(1)
        .and_then(|_| std::path::absolute(path).ok())
        .and_then(|path| path.ancestors().nth(3).map(Path::to_owned))
        .map(Node::new);
    let is_world = |node: &Node| node.own("settings.json").is_file();
    let of_variable = || variable.map(PathBuf::from).map(Node::new).filter(is_world);
    of_path.filter(is_world).or_else(of_variable)
}

/// Returns what the system says of an error, without its number.
pub(crate) fn reason(err: &io::Error) -> String {
    let text = err.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
