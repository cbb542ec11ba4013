//! A machine with real LXC containers of one's own: a Btrfs on a loop file, a network namespace with
//! a bridge and DHCP, and an archive made of this machine's `busybox`.
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
use std::os::fd::AsFd as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use phoenix_hypervisor::Library;
use phoenix_hypervisor::lxc::Machine;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The archive that is on every machine of a lab, as guests name it.
pub const ARCHIVE: &str = "local:vztmpl/busybox.tar";

/// How everything is called that a lab leaves behind when it is killed.
const NAME: &str = "phoenix-lab";
/// Where the image of its file system is: in memory, where deleting costs nothing.
const MEMORY: &str = "/dev/shm";
/// What a lab starts, and what Debian calls it.
const TOOLS: [(&str, &str); 8] = [
    ("/usr/sbin/nft", "nftables"),
    ("/usr/bin/slirp4netns", "slirp4netns"),
    ("/usr/bin/lxc-start", "lxc"),
    ("/usr/sbin/mkfs.btrfs", "btrfs-progs"),
    ("/usr/sbin/dnsmasq", "dnsmasq-base"),
    ("/bin/busybox", "busybox-static"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/sbin/ip", "iproute2"),
];
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
pub struct LxcLab {
    name: String,
    base: PathBuf,
    helpers: Vec<Child>,
}

/// Where the guests of a lab can get to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No further than its bridge.
    Lab,
    /// The internet as well, as somebody behind a router.
    Internet,
}

impl Default for LxcLab {
    fn default() -> Self {
        Self::new(Reach::Lab)
    }
}

impl LxcLab {
    /// Makes a lab. Where this machine cannot have one, the test fails and says why.
    pub fn new(reach: Reach) -> Self {
        static NTH: AtomicU32 = AtomicU32::new(0);
        for (path, package) in TOOLS {
            assert!(Path::new(path).exists(), "{path} is missing; apt-get install {package}");
        }
        assert!(rustix::process::geteuid().is_root(), "real containers need root");
        sweep();
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let name = format!("{NAME}-{}-{nth}", std::process::id());
        let base = Path::new(MEMORY).join(&name);
        for folder in ["store", "run", "features", "scripts", "profiles"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        let (image, store) = (text(&base.join("store.img")), text(&base.join("store")));
        run("truncate", &["-s", "4G", &image]);
        run("mkfs.btrfs", &["--quiet", &image]);
        run("mount", &["-o", "loop", &image, &store]);
        run("ip", &["netns", "add", &name]);
        let net = netns(&name);
        let within =
            |words: &[&str]| run("nsenter", &[&[format!("--net={net}").as_str()], words].concat());
        within(&["ip", "link", "set", "lo", "up"]);
        within(&["ip", "link", "add", "vmbr0", "type", "bridge"]);
        within(&["ip", "address", "add", "10.77.0.1/24", "dev", "vmbr0"]);
        within(&["ip", "link", "set", "vmbr0", "up"]);
        let mut lab = Self { name, base, helpers: Vec::new() };
        let dhcp = [
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--interface=vmbr0",
            "--bind-interfaces",
            "--no-ping",
            "--leasefile-ro",
            "--pid-file=",
            "--dhcp-range=10.77.0.100,10.77.0.250,1h",
            "--dhcp-option=6,10.0.2.3",
        ];
        lab.help("nsenter", &[&[format!("--net={net}").as_str()], dhcp.as_slice()].concat());
        if reach == Reach::Internet {
            // A router in a process: nothing of this machine's own network is touched.
            lab.help(
                "slirp4netns",
                &[
                    "--configure",
                    "--mtu=1500",
                    "--disable-host-loopback",
                    "--netns-type=path",
                    &net,
                    "tap0",
                ],
            );
            within(&["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"]);
            within(&[
                "nft",
                "add table ip lab; add chain ip lab out { type nat hook postrouting \
                priority 100; }; add rule ip lab out oifname tap0 masquerade",
            ]);
        }
        archive(&lab.machine().dir.join("templates"));
        lab
    }

    /// Returns what the driver is told.
    pub fn machine(&self) -> Machine {
        let own = |name| vec![self.base.join(name)];
        Machine {
            name: "lab1".parse().unwrap(),
            cell: "home".parse().unwrap(),
            dir: self.base.join("store"),
            run_dir: self.base.join("run"),
            netns: Some(netns(&self.name).into()),
            library: Library {
                features: own("features"),
                scripts: own("scripts"),
                profiles: own("profiles"),
            },
        }
    }

    /// Puts an archive to where guests name it `local:vztmpl/NAME`.
    pub fn archive(&self, name: &str, file: &Path) {
        let to = self.machine().dir.join("templates").join(name);
        fs::copy(file, &to).unwrap_or_else(|err| panic!("{}: {err}", file.display()));
    }

    /// Keeps a process for as long as there is the lab.
    fn help(&mut self, program: &str, words: &[&str]) {
        #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
        let child = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.helpers.push(child.unwrap_or_else(|err| panic!("{program}: {err}")));
    }

    /// Puts a file into the library: `features/NAME/install.sh`, `scripts/NAME`.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.base.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs something in a guest, and returns what it says.
    pub fn inside(&self, guest: u64, words: &[&str]) -> String {
        let (net, guests) = (format!("--net={}", netns(&self.name)), text(&self.guests()));
        let guest = guest.to_string();
        let attach = ["lxc-attach", "-P", &guests, "-n", &guest, "--clear-env", "--"];
        let ended = run("nsenter", &[&[net.as_str()], attach.as_slice(), words].concat());
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }

    /// Does something in the network of the lab: a socket that is made there stays in it.
    pub fn within<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let net = fs::File::open(netns(&self.name)).unwrap();
        let there = || {
            move_into_link_name_space(net.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            what()
        };
        // The thread ends with it, so that nobody else is in another network than before.
        thread::scope(|scope| scope.spawn(there).join().unwrap())
    }

    /// Gives the bridge of the lab one more address, for what its guests are to reach.
    pub fn address(&self, address: &str) {
        let net = format!("--net={}", netns(&self.name));
        run("nsenter", &[&net, "ip", "address", "add", address, "dev", "vmbr0"]);
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

    fn guests(&self) -> PathBuf {
        self.base.join("store/guests")
    }
}

impl Drop for LxcLab {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            let _gone = helper.kill();
            let _gone = helper.wait();
        }
        clear(&self.name);
    }
}

/// Returns the archive of Debian that the tasks of the repository have made.
pub fn debian() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var_os("PHOENIX_DEBIAN_ARCHIVE");
    let help = "PHOENIX_DEBIAN_ARCHIVE is not set: run `cargo xtask feature test NAME`";
    PathBuf::from(said.unwrap_or_else(|| panic!("{help}")))
}

/// Takes away what labs have left whose process was killed.
fn sweep() {
    for entry in fs::read_dir(MEMORY).unwrap().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(&format!("{NAME}-")) else { continue };
        let pid = rest.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            clear(&name);
        }
    }
}

/// Takes away everything of a lab.
fn clear(name: &str) {
    let base = Path::new(MEMORY).join(name);
    let (guests, net) = (base.join("store/guests"), format!("--net={}", netns(name)));
    for guest in fs::read_dir(&guests).into_iter().flatten().filter_map(Result::ok) {
        let guest = guest.file_name().to_string_lossy().into_owned();
        ask("nsenter", &[&net, "lxc-stop", "-k", "-P", &text(&guests), "-n", &guest]);
    }
    ask("umount", &[&text(&base.join("store"))]);
    ask("ip", &["netns", "delete", name]);
    // What is still mounted is not emptied by mistake.
    ask("rm", &["-rf", "--one-file-system", &text(&base)]);
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

fn netns(name: &str) -> String {
    format!("/run/netns/{name}")
}

fn run(program: &str, words: &[&str]) -> Output {
    let ended = ask(program, words);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {words:?}: {}\n{said}", ended.status);
    ended
}

fn ask(program: &str, words: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
    let ended = Command::new(program).args(words).stdin(Stdio::null()).output();
    ended.unwrap_or_else(|err| panic!("{program}: {err}"))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
