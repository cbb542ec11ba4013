//! A machine with real LXC containers of one's own, and an archive made of this machine's `busybox`.
//!
//! The host's own network is never touched. Who was killed leaves things behind; the next one made
//! takes them away.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use phoenix_hypervisor::Library;
use phoenix_hypervisor::lxc::Machine;
use phoenix_lab::Lab;
pub use phoenix_lab::Reach;

use crate::network;

/// The archive that is on every machine of a lab, as guests name it.
pub const ARCHIVE: &str = "local:vztmpl/busybox.tar";

/// How everything is called that a lab leaves behind when it is killed.
const NAME: &str = "phoenix-lab";
/// Where the image of its file system is: in memory, where deleting costs nothing.
const MEMORY: &str = "/dev/shm";
/// What the guests of the archive can do.
const APPLETS: [&str; 46] = [
    "sh",
    "init",
    "mount",
    "ifup",
    "ip",
    "udhcpc",
    "hostname",
    "sleep",
    "tar",
    "mktemp",
    "mkdir",
    "rm",
    "mv",
    "cat",
    "sync",
    "chmod",
    "dirname",
    "basename",
    "timeout",
    "echo",
    "test",
    "[",
    "true",
    "false",
    "printf",
    "cp",
    "ls",
    "grep",
    "id",
    "env",
    "stat",
    "halt",
    "poweroff",
    "reboot",
    "wget",
    "httpd",
    "kill",
    "ps",
    "touch",
    "df",
    "nproc",
    "free",
    "route",
    "ln",
    "sed",
    "run-parts",
];

/// A machine with containers of its own, gone with its value.
#[derive(Debug)]
pub struct LxcLab(Lab);

impl Default for LxcLab {
    /// Makes a lab. Where this machine cannot have one, the test fails and says why.
    fn default() -> Self {
        Self::new(Reach::Lab)
    }
}

impl LxcLab {
    /// Makes a lab. Where this machine cannot have one, the test fails and says why.
    pub fn new(reach: Reach) -> Self {
        assert!(Path::new("/bin/busybox").exists(), "apt-get install busybox-static");
        let lab = Lab::make(NAME, Path::new(MEMORY), reach);
        let lab = lab.unwrap_or_else(|err| panic!("{err}: {:?}", err.advice()));
        for folder in ["features", "scripts", "profiles"] {
            fs::create_dir_all(lab.base().join(folder)).unwrap();
        }
        archive(&lab.store().join("templates"));
        Self(lab)
    }

    /// Returns what the driver is told.
    pub fn machine(&self) -> Machine {
        let own = |name| vec![self.0.base().join(name)];
        let library = Library {
            features: own("features"),
            scripts: own("scripts"),
            tests: own("tests"),
            packs: Some(self.0.base().join("packs")),
            profiles: own("profiles"),
            vault: None,
        };
        self.0.machine("lab1".parse().unwrap(), "home".parse().unwrap(), library)
    }

    /// Puts the archive of Debian there that `cargo xtask test` has made, and returns what guests call
    /// it.
    pub fn debian(&self) -> &'static str {
        #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
        let said = std::env::var_os("PHOENIX_DEBIAN_ARCHIVE");
        let help = "PHOENIX_DEBIAN_ARCHIVE is not set: run `cargo xtask test`";
        let from = said.unwrap_or_else(|| panic!("{help}"));
        fs::copy(from, self.machine().dir.join("templates/debian.tar.zst")).unwrap();
        "local:vztmpl/debian.tar.zst"
    }

    /// Puts a file into the library: `features/NAME/install.sh`, `scripts/NAME`.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.base().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs something in a guest, and returns what it says.
    pub fn inside(&self, guest: u64, words: &[&str]) -> String {
        let line = self.0.inside(guest);
        let line: Vec<_> = line.iter().map(String::as_str).chain(words.iter().copied()).collect();
        let (program, words) = line.split_first().unwrap();
        let ended = run(program, words);
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }

    fn netns(&self) -> std::path::PathBuf {
        self.machine().netns.unwrap()
    }

    /// Leaves a guest as somebody does who was killed while it stood still for being copied.
    pub fn freeze(&self, guest: u64) {
        let (machine, guest) = (self.machine(), guest.to_string());
        fs::write(machine.run_dir.join(format!("lxc/{guest}.frozen")), "").unwrap();
        let (net, guests) = (text(&machine.netns.unwrap()), text(&machine.dir.join("guests")));
        run("nsenter", &[&format!("--net={net}"), "lxc-freeze", "-P", &guests, "-n", &guest]);
    }

    /// Does something in the network of the lab: a socket that is made there stays in it.
    pub fn within<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        network::within(&self.netns(), what)
    }

    /// Gives the bridge of the lab one more address, for what its guests are to reach.
    pub fn address(&self, address: &str) {
        let net = format!("--net={}", self.netns().display());
        run("nsenter", &[&net, "ip", "address", "add", address, "dev", "vmbr0"]);
    }

    /// Sets the bridge of the lab `up` or `down`: nobody gets to its guests while it is down.
    pub fn bridge(&self, state: &str) {
        let net = format!("--net={}", self.netns().display());
        run("nsenter", &[&net, "ip", "link", "set", "vmbr0", state]);
    }

    /// Has a guest trust whom this machine trusts: its mirrors may have certificates of their own.
    pub fn trust(&self, storage: &str, guest: u64) {
        const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
        let rootfs = self.machine().dir.join(format!("storage/{storage}/{guest}/rootfs"));
        fs::copy(Path::new("/").join(BUNDLE), rootfs.join(BUNDLE)).unwrap();
    }

    /// Makes a subvolume in the root file system of a guest, as a program in it could.
    pub fn subvolume(&self, storage: &str, guest: u64, path: &str) {
        let rootfs = self.machine().dir.join(format!("storage/{storage}/{guest}/rootfs"));
        run("btrfs", &["subvolume", "create", &text(&rootfs.join(path))]);
    }
}

impl Drop for LxcLab {
    fn drop(&mut self) {
        // What it cannot take away now, the next one does.
        drop(self.0.remove());
    }
}

/// Makes the archive, with nothing of it fetched from anywhere.
fn archive(folder: &Path) {
    let root = folder.with_file_name("busybox");
    for path in [
        "bin",
        "dev",
        "proc",
        "sys",
        "tmp",
        "run",
        "root",
        "var/lib",
        "etc/network/if-up.d",
        "etc/init.d",
        "etc/udhcpc",
        "usr/bin",
        "sbin",
        "var/run",
    ] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    fs::create_dir_all(folder).unwrap();
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    for applet in APPLETS {
        symlink("/bin/busybox", root.join("bin").join(applet)).unwrap();
    }
    symlink("/bin/busybox", root.join("sbin/init")).unwrap();
    let files = [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ("etc/group", "root:x:0:\n"),
        ("etc/inittab", "::sysinit:/etc/init.d/rcS\n::respawn:/bin/sleep 86400\n"),
        ("etc/init.d/rcS", "#!/bin/sh\nhostname -F /etc/hostname\nifup -a &\n"),
        (
            "etc/udhcpc/default.script",
            "#!/bin/sh\n[ \"$1\" = bound ] || [ \"$1\" = renew ] || exit 0\n\
             ip address flush dev $interface\nip address add $ip/$mask dev $interface\n\
             for r in $router; do ip route add default via $r; done\n",
        ),
    ];
    for (path, text) in files {
        fs::write(root.join(path), text).unwrap();
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    run("tar", &["-cf", &text(&folder.join("busybox.tar")), "-C", &text(&root), "."]);
    fs::remove_dir_all(&root).unwrap();
}

fn run(program: &str, words: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
    let ended = Command::new(program).args(words).stdin(Stdio::null()).output();
    let ended = ended.unwrap_or_else(|err| panic!("{program}: {err}"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {words:?}: {}\n{said}", ended.status);
    ended
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
