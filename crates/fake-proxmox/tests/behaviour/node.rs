//! A made-up node with an archive of busybox, and the programs on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use phoenix_fake_proxmox::{Settings, StorageSetting, World, init};
use tempfile::TempDir;

/// The archive, as `pct create` takes it.
pub(crate) const ARCHIVE: &str = "local:vztmpl/tiny.tar.zst";
/// How often it is looked whether something is so.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// The longest time anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Node {
    pub(crate) world: World,
    _folder: TempDir,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

pub(crate) fn settings() -> Settings {
    let storage =
        |name: &str, kind: &str| StorageSetting { name: name.into(), kind: kind.into(), gib: 100 };
    Settings {
        storages: vec![
            storage("labdir", "dir"),
            storage("tank", "zfspool"),
            storage("local-lvm", "lvmthin"),
            storage("thick", "lvm"),
            storage("labbtr", "btrfs"),
        ],
        ..Settings::default()
    }
}

pub(crate) fn node() -> Node {
    node_with(&settings())
}

pub(crate) fn node_with(settings: &Settings) -> Node {
    let folder = TempDir::new().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_fake-pve"));
    let world = init(&folder.path().join("node"), settings, binary).unwrap();
    world.add_template("tiny.tar.zst", &archive(folder.path())).unwrap();
    Node { world, _folder: folder }
}

fn archive(folder: &Path) -> PathBuf {
    let path = folder.join("tiny.tar.zst");
    let made = Command::new("sh")
        .args(["-ec", include_str!("../conformance/scripts/archive.sh"), "sh"])
        .arg(folder.join("root"))
        .arg(&path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::remove_dir_all(folder.join("root")).unwrap();
    path
}

impl Node {
    pub(crate) fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(self.world.program(program));
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Answer {
        self.command(program, words).output().unwrap().into()
    }

    pub(crate) fn pct(&self, words: &[&str]) -> Answer {
        self.run("pct", words)
    }

    /// Runs what must succeed.
    pub(crate) fn done(&self, words: &[&str]) -> Answer {
        let answer = self.pct(words);
        assert_eq!(answer.exit, 0, "pct {words:?}: {answer:?}");
        answer
    }

    pub(crate) fn create(&self, vmid: &str, storage: &str) {
        self.done(&["create", vmid, ARCHIVE, "--rootfs", &format!("{storage}:1")]);
    }

    pub(crate) fn spawn(&self, words: &[&str]) -> Child {
        self.command("pct", words).spawn().unwrap()
    }

    pub(crate) fn conf(&self, vmid: u32) -> Option<String> {
        self.world.conf(vmid).unwrap()
    }

    pub(crate) fn volumes(&self) -> Vec<String> {
        self.world.volumes().unwrap().into_iter().map(|volume| volume.id).collect()
    }

    /// Returns the processes that have the path of this node among their words.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let root = self.world.root().to_string_lossy().into_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&words).contains(&root) {
                found.push(pid);
            }
        }
        found
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Waits for a program that was started.
pub(crate) fn end(child: Child) -> Answer {
    child.wait_with_output().unwrap().into()
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
