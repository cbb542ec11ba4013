//! A made-up Proxmox node of one's own, with guests that can be entered.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use phoenix_fake_proxmox::{
    Entry, Fault, LedgerEvent, Settings, StorageSetting, World, add_fault, init,
};
use phoenix_hypervisor::Library;
use phoenix_hypervisor::proxmox::Node;
use tempfile::{TempDir, tempdir, tempdir_in};

/// The archive that is on every made-up node, as guests name it.
pub const ARCHIVE: &str = "local:vztmpl/tiny.tar";

/// What a guest of the archive can do, all of it one program.
const BUSYBOX: &str = "/bin/busybox";
const APPLETS: [&str; 37] = [
    "sh", "tar", "mktemp", "mkdir", "rm", "mv", "cat", "sync", "chmod", "dirname", "basename",
    "timeout", "sleep", "echo", "test", "[", "true", "false", "printf", "cp", "ls", "grep", "id",
    "hostname", "env", "stat", "setsid", "head", "tail", "ln", "kill", "readlink", "date", "touch",
    "mkfifo", "wc", "seq",
];

/// A made-up node, gone with its value.
#[derive(Debug)]
pub struct PveNode {
    dir: TempDir,
    /// The node, to be looked at.
    pub world: World,
}

impl Default for PveNode {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}

impl PveNode {
    /// Makes a node whose storages can take snapshots, with two GPUs.
    pub fn new(settings: &Settings) -> Self {
        // Thousands of small files are made and removed; where there is memory for that, no disk is.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempdir_in(memory) } else { tempdir() }.unwrap();
        let mut settings = settings.clone();
        for name in ["fast", "bulk"] {
            let storage =
                StorageSetting { name: name.to_owned(), kind: "zfspool".to_owned(), gib: 100_000 };
            settings.storages.push(storage);
        }
        let world = init(&dir.path().join("node"), &settings, program()).unwrap();
        world.add_template("tiny.tar", archive()).unwrap();
        for device in ["fuse", "nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"]
        {
            fs::write(world.at(&format!("/dev/{device}")), "").unwrap();
        }
        for index in 0..2 {
            let folder = world.at(&format!("/proc/driver/nvidia/gpus/0000:0{index}:00.0"));
            fs::create_dir_all(&folder).unwrap();
            let text = format!("Model: \t\t A made-up GPU\nDevice Minor: \t {index}\n");
            fs::write(folder.join("information"), text).unwrap();
        }
        for folder in ["features", "scripts", "profiles", "state", "run"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        Self { dir, world }
    }

    /// Returns the folder everything is in.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns what the driver is told.
    pub fn node(&self) -> Node {
        let own = |name| vec![self.dir.path().join(name)];
        Node {
            name: self.world.settings().unwrap().node.parse().unwrap(),
            cell: "home".parse().unwrap(),
            root: self.world.root().to_owned(),
            state_dir: self.dir.path().join("state"),
            run_dir: self.dir.path().join("run"),
            library: Library {
                features: own("features"),
                scripts: own("scripts"),
                tests: own("tests"),
                packs: Some(self.dir.path().join("packs")),
                profiles: own("profiles"),
                vault: None,
            },
        }
    }

    /// Puts a feature into the library, which only notes that it was installed.
    pub fn feature(&self, name: &str) {
        self.feature_with(name, &[]);
    }

    /// Puts a script into the library.
    pub fn script(&self, name: &str, text: &str) {
        self.write("scripts", name, text);
    }

    /// Puts an AppArmor profile into the library.
    pub fn profile(&self, name: &str) {
        let text = format!("profile {name} flags=(attach_disconnected) {{\n}}\n");
        self.write("profiles", name, &text);
    }

    /// Puts a feature into the library that brings these programs, which succeed and do nothing.
    pub fn feature_with(&self, name: &str, programs: &[&str]) {
        let program = |program: &&str| {
            let path = format!("/usr/bin/{program}");
            format!("printf '#!/bin/sh\\n' > {path}\nchmod +x {path}\n")
        };
        let script = format!(
            "#!/bin/sh\nset -e\nmkdir -p /opt\necho {name} >> /opt/installed\n{}",
            programs.iter().map(program).collect::<String>()
        );
        self.write("features", &format!("{name}/install.sh"), &script);
    }

    /// Puts what machines can be made of to where the node has this path: a disk that boots.
    pub fn image(&self, path: &str) {
        let to = self.world.at(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(archive(), &to).unwrap();
    }

    /// Returns the config of a machine.
    pub fn machine(&self, vmid: u32) -> Option<String> {
        fs::read_to_string(self.world.at(&format!("/etc/pve/qemu-server/{vmid}.conf"))).ok()
    }

    /// Puts the archive to where the node has this path, packed as its name says.
    pub fn archive(&self, path: &str) {
        let to = self.world.at(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if to.extension().is_none_or(|extension| extension != "zst") {
            fs::copy(archive(), &to).unwrap();
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "a program packs it, as Proxmox's own do")]
        let packed = Command::new("zstd")
            .args(["--quiet", "--force", "-1"])
            .arg(archive())
            .arg("-o")
            .arg(&to)
            .status()
            .unwrap_or_else(|err| panic!("zstd: {err}; install it: apt-get install zstd"));
        assert!(packed.success(), "{} was not packed", to.display());
    }

    /// Lets a storage hold only this: `rootdir`, `vztmpl,iso`.
    pub fn holds(&self, storage: &str, content: &str) {
        let path = self.world.at("/etc/pve/storage.cfg");
        let mut is_it = false;
        let config = fs::read_to_string(&path).unwrap();
        let line = |line: &str| {
            if !line.starts_with(char::is_whitespace) {
                is_it = line.ends_with(&format!(": {storage}"));
            }
            let is_content = is_it && line.trim_start().starts_with("content ");
            if is_content { format!("\tcontent {content}\n") } else { format!("{line}\n") }
        };
        fs::write(path, config.lines().map(line).collect::<String>()).unwrap();
    }

    /// Runs the node's own `pct`, as a person would; it has to end well.
    pub fn pct(&self, words: &[&str]) {
        self.by_hand("pct", words);
    }

    /// Runs the node's own `qm`, as a person would; it has to end well.
    pub fn qm(&self, words: &[&str]) {
        self.by_hand("qm", words);
    }

    fn by_hand(&self, program: &str, words: &[&str]) {
        #[expect(clippy::disallowed_methods, reason = "what people do behind our back")]
        let ended = Command::new(self.world.program(program)).args(words).output().unwrap();
        assert!(ended.status.success(), "{program} {words:?}: {ended:?}");
    }

    /// Puts a file into the library.
    pub fn write(&self, folder: &str, name: &str, text: &str) {
        let path = self.dir.path().join(folder).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Has something go wrong.
    pub fn fault(&self, fault: Fault) {
        add_fault(self.world.root(), fault).unwrap();
    }

    /// Returns a mark in the list of what was started.
    pub fn mark(&self) -> u64 {
        fs::metadata(self.ledger()).map_or(0, |metadata| metadata.len())
    }

    /// Returns the command lines that were started since a mark, as people would type them.
    pub fn commands(&self, since: u64) -> Vec<String> {
        self.told(since, LedgerEvent::Begun)
    }

    /// Returns those that came to their end.
    pub fn ended(&self, since: u64) -> Vec<String> {
        self.told(since, LedgerEvent::Ended)
    }

    fn told(&self, since: u64, event: LedgerEvent) -> Vec<String> {
        let Ok(mut ledger) = fs::File::open(self.ledger()) else { return Vec::new() };
        ledger.seek(SeekFrom::Start(since)).unwrap();
        let mut text = String::new();
        ledger.read_to_string(&mut text).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str::<Entry>(line).unwrap());
        entries.filter(|entry| entry.event == event).map(|entry| line(&entry)).collect()
    }

    /// Returns what is still to go wrong.
    pub fn faults_left(&self) -> usize {
        let text = fs::read(self.world.at("/fake/faults.json"));
        text.map_or(0, |text| serde_json::from_slice::<Vec<Fault>>(&text).unwrap().len())
    }

    fn ledger(&self) -> PathBuf {
        self.world.at("/fake/ledger.jsonl")
    }
}

fn line(entry: &Entry) -> String {
    let words = entry.argv.iter().map(|word| quoted(word));
    std::iter::once(entry.program.clone()).chain(words).collect::<Vec<_>>().join(" ")
}

/// Quotes a word as people do: only where a shell would take it apart.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Builds the double once, the way this test itself was built, and returns its path.
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // A test is `…/target/debug/deps/it-…`, and a program of ours `…/target/debug/phoenix`.
        let ours = std::env::current_exe().unwrap();
        let folder = ours.parent().unwrap();
        let folder = folder.parent().filter(|_| folder.ends_with("deps")).unwrap_or(folder);
        let folder = folder.to_owned();
        let is_release = folder.file_name().is_some_and(|name| name == "release");
        #[expect(clippy::disallowed_methods, reason = "cargo builds the double")]
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "phoenix-fake-proxmox", "--profile"])
            .arg(if is_release { "release" } else { "dev" })
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("CARGO_TARGET_DIR", folder.parent().unwrap())
            .status()
            .unwrap();
        assert!(built.success(), "the double does not build");
        folder.join("fake-pve")
    })
}

/// Makes the archive of a guest as small as one that can be entered is, once.
pub fn archive() -> &'static Path {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = MADE.get_or_init(|| {
        let dir = tempdir().unwrap();
        let file = fs::File::create(dir.path().join("tiny.tar")).unwrap();
        let mut archive = tar::Builder::new(file);
        for folder in
            ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "var/lib"]
        {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            archive.append_data(&mut header, format!("./{folder}"), std::io::empty()).unwrap();
        }
        archive.append_path_with_name(BUSYBOX, "./bin/busybox").unwrap_or_else(|err| {
            panic!("{BUSYBOX}: {err}; install it: apt-get install busybox-static")
        });
        for applet in APPLETS {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, format!("./bin/{applet}"), "busybox").unwrap();
        }
        for (name, text, mode) in [
            ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n", 0o644),
            ("etc/debian_version", "12.5\n", 0o644),
            ("etc/hostname", "tiny\n", 0o644),
            // Debian's busybox has none. Nobody is refused; the real one is tested in a real machine.
            ("bin/flock", "#!/bin/sh\n", 0o755),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_mode(mode);
            header.set_size(u64::try_from(text.len()).unwrap());
            archive.append_data(&mut header, format!("./{name}"), text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        let path = dir.path().join("tiny.tar");
        (dir, path)
    });
    path.as_path()
}
