//! A made-up node that commands can be run on as if it were this machine.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use phoenix_fake_proxmox::{Settings, StorageSetting, World, init};
use serde_json::Value;
use tempfile::TempDir;

/// What a command answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: i32,
}

/// What the real programs answered.
pub(crate) struct Recorded {
    pub(crate) argv: Vec<String>,
    pub(crate) stdin: Option<String>,
    pub(crate) answer: Answer,
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pve/9.2")
}

impl Recorded {
    pub(crate) fn read(case: &str) -> Self {
        let text = fs::read(fixtures().join(format!("{case}.json"))).unwrap();
        let recorded: Value = serde_json::from_slice(&text).unwrap();
        let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
        let words = recorded["argv"].as_array().unwrap();
        Self {
            argv: words.iter().map(|word| word.as_str().unwrap().to_owned()).collect(),
            stdin: recorded["stdin"].as_str().map(str::to_owned),
            answer: Answer {
                stdout: text("stdout"),
                stderr: text("stderr"),
                exit: i32::try_from(recorded["exit"].as_i64().unwrap()).unwrap(),
            },
        }
    }
}

/// The name the archive had.
const ARCHIVE: &str = "debian-12-standard_12.7-1_amd64.tar.zst";

/// A node like the one the answers were recorded on.
pub(crate) struct Lab {
    /// Whoever waits in the namespace, for as long as it can be told to end.
    keeper: Child,
    world: World,
    _folder: TempDir,
}

/// Makes the file system of the node the root, so that commands find it where they look for it;
/// then waits until nobody needs it.
const BUILD: &str = r#"
R=$1 N=$2 B=$3
mount -t tmpfs none "$N"
mkdir -p "$N$R" "$N$B" "$N/tmp" "$N/proc" "$N/dev" "$N/old" "$N/usr"
mount --rbind / "$N/old"
mount --bind "$N/old/usr" "$N/usr"
for part in bin sbin lib lib64; do ln -s "usr/$part" "$N/$part"; done
mount --rbind /proc "$N/proc"
mount --rbind /dev "$N/dev"
for part in etc root run var sys; do mkdir -p "$N/$part"; mount --bind "$R/$part" "$N/$part"; done
mount --bind "$R" "$N$R"
mount --bind "$B" "$N$B"
cd "$N"
pivot_root . old
umount -l /old
echo ready
exec cat
"#;

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let storage = |name: &str, kind: &str| StorageSetting {
            name: name.into(),
            kind: kind.into(),
            gib: 1000,
        };
        let settings = Settings {
            storages: vec![
                storage("labdir", "dir"),
                storage("local", "dir"),
                storage("labbtr", "btrfs"),
            ],
            lock_wait_ms: 200,
            machines_boot: false,
            ..Settings::default()
        };
        let root = folder.path().join("node");
        let world = init(&root, &settings, Path::new(env!("CARGO_BIN_EXE_fake-pve"))).unwrap();
        world.add_template(ARCHIVE, archive()).unwrap();
        for path in ["root", "var/lib/vz/snippets"] {
            fs::create_dir_all(world.root().join(path)).unwrap();
        }
        fs::create_dir_all(folder.path().join("view")).unwrap();
        for device in ["lab/fake0", "fuse"] {
            let path = world.at(&format!("/dev/{device}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for entry in fs::read_dir(scripts()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, world.root().join("root").join(path.file_name().unwrap())).unwrap();
        }
        // Names of users, as every machine has them.
        fs::write(world.at("/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
        fs::write(world.at("/etc/group"), "root:x:0:\n").unwrap();
        fs::create_dir_all(world.root().join("sys")).unwrap();
        let mut keeper = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--", "sh", "-ec", BUILD, "sh"])
            .args([world.root(), &folder.path().join("view"), &binaries()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        keeper.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        Self { keeper, world, _folder: folder }
    }

    /// Runs a command on the node.
    pub(crate) fn run(&self, words: &[String], stdin: Option<&str>) -> Answer {
        let root = self.world.root();
        let search = format!(
            "{0}/usr/sbin:{0}/usr/bin:{1}:/usr/sbin:/usr/bin",
            root.display(),
            binaries().display()
        );
        let mut child = Command::new("nsenter")
            .args(["--target", &self.keeper.id().to_string(), "--mount", "--"])
            .args(words)
            .env_clear()
            .env("PATH", search)
            .env("PHOENIX_FAKE_PVE", root)
            .env("HOME", "/root")
            .env("LANG", "C.UTF-8")
            .env("USER", "root")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(stdin.unwrap_or_default().as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        Answer {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            exit: output.status.code().unwrap_or(-1),
        }
    }
}

fn binaries() -> PathBuf {
    let binary = fs::canonicalize(env!("CARGO_BIN_EXE_fake-pve")).unwrap();
    binary.parent().unwrap().to_owned()
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/scripts")
}

/// Makes an archive that Proxmox would take for Debian 12, out of one program.
fn archive() -> &'static Path {
    static ARCHIVE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = ARCHIVE.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("debian.tar.zst");
        let made = Command::new("sh")
            .args(["-ec", include_str!("scripts/archive.sh"), "sh"])
            .arg(folder.path().join("root"))
            .arg(&path)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (folder, path)
    });
    path
}
