//! A host to be set up: a real Debian that is written over and thrown away, with doubles of what a
//! Proxmox node has besides.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use phoenix_config::{
    Administrator, Dataset, Export, HostFirewall, HostSpec, InnerBridge, LooseVolume, OuterBridge,
    Pool, RaidLevel, Repository, Samba, SdnNetwork, Share, Storage,
};
use phoenix_domain::{FirewallAction, FirewallRule, GibiBytes, TrafficDirection};
use phoenix_setup::{Ended, Given, Hidden, Host, Name, Setup, Told, all};
use tempfile::TempDir;

const DOUBLE: &str = include_str!("double.pl");
const DOUBLES: [&str; 23] = [
    "zpool",
    "zfs",
    "lsblk",
    "wipefs",
    "pvesm",
    "pveum",
    "pvesh",
    "pveversion",
    "apt-get",
    "update-initramfs",
    "nvidia-smi",
    "modinfo",
    "uname",
    "systemd-run",
    "ifreload",
    "proxmox-boot-tool",
    "ip",
    "ping",
    "systemctl",
    "pve-firewall",
    "update-grub",
    "curl",
    "nvidia-installer",
];
/// Where hosts are: in memory, where deleting costs nothing.
const MEMORY: &str = "/dev/shm";
/// How the folder of each begins, before the number of the process it is of.
const NAME: &str = "phoenix-setup-";
/// The disks of a host.
pub(crate) const DISKS: [&str; 3] =
    ["/dev/disk/by-id/nvme-A", "/dev/disk/by-id/nvme-B", "/dev/disk/by-id/nvme-C"];
const INTERFACES: &str = "auto lo\niface lo inet loopback\n\nauto vmbr0\niface vmbr0 inet static\n\taddress 10.0.0.9/24\n\tgateway 10.0.0.1\n\tbridge-ports eno1\n\tbridge-stp off\n\nsource /etc/network/interfaces.d/*\n";

/// A host, gone with its value.
pub(crate) struct Machine {
    room: TempDir,
}

impl Machine {
    /// Makes one. Where this machine cannot have one, the test fails and says why.
    pub(crate) fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "a host is set up by root: run it as root");
        sweep();
        let prefix = format!("{NAME}{}-", std::process::id());
        let room = TempDir::with_prefix_in(prefix, MEMORY).unwrap();
        for folder in ["upper", "work", "root", "profiles"] {
            fs::create_dir(room.path().join(folder)).unwrap();
        }
        let at = |name: &str| room.path().join(name).display().to_string();
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            base().display(),
            at("upper"),
            at("work")
        );
        run(&["mount", "-t", "overlay", "overlay", "-o", &options, &at("root")]);
        let machine = Self { room };
        machine.furnish();
        machine
    }

    fn furnish(&self) {
        self.write("/usr/local/sbin/double", DOUBLE);
        fs::set_permissions(self.at("/usr/local/sbin/double"), fs::Permissions::from_mode(0o755))
            .unwrap();
        for double in DOUBLES {
            symlink("double", self.at(&format!("/usr/local/sbin/{double}"))).unwrap();
        }
        for folder in ["disks", "pools", "zfs", "sdn"] {
            fs::create_dir_all(self.at(&format!("/var/lib/doubles/{folder}"))).unwrap();
        }
        for disk in DISKS {
            self.write(disk, "");
            self.disk(disk, "");
        }
        self.write("/etc/network/interfaces", INTERFACES);
        self.write("/var/lib/doubles/network", INTERFACES);
        self.write("/srv/theirs/x", "");
        self.write("/etc/hostname", "pve1\n");
        self.write("/etc/resolv.conf", "nameserver 192.0.2.1\n");
        self.write("/var/lib/doubles/upgrades", "s-tui 1 2\ntzdata 2025a-0 2025b-0\n");
        self.write("/boot/vmlinuz-6.8.12-9-pve", "");
        self.write(
            "/etc/pve/storage.cfg",
            "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl\n\n",
        );
        self.write("/etc/exports", "/srv/theirs 192.0.2.0/24(ro,no_subtree_check,fsid=9)\n");
        self.write(
            "/etc/apt/sources.list.d/pve-enterprise.list",
            "deb https://enterprise.proxmox.com/debian/pve bookworm pve-enterprise\n",
        );
        let profile = "#include <tunables/global>\nprofile lxc-phoenix flags=(attach_disconnected) {\n  #include <abstractions/base>\n  deny /etc/shadow r,\n}\n";
        fs::write(self.profile(), profile).unwrap();
    }

    /// Returns the file of the profile that guests name.
    pub(crate) fn profile(&self) -> PathBuf {
        self.room.path().join("profiles/lxc-phoenix")
    }

    /// Returns the host as setup sees it.
    pub(crate) fn host(&self) -> Host {
        Host::new(&self.room.path().join("root"))
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.host().at(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|err| panic!("{path}: {err}"))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn replace(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert!(text.contains(old), "{path} has no `{old}`: {text}");
        self.write(path, &text.replace(old, new));
    }

    /// Puts something on a disk.
    pub(crate) fn disk(&self, disk: &str, text: &str) {
        self.write(&format!("/var/lib/doubles/disks/{}", disk.rsplit('/').next().unwrap()), text);
    }

    /// Runs a program of the host, in a network of its own.
    pub(crate) fn inside(&self, words: &[&str]) -> Output {
        let root = self.host().root().display().to_string();
        let line: Vec<_> =
            ["--net", "chroot", &root].into_iter().chain(words.iter().copied()).collect();
        #[expect(clippy::disallowed_methods, reason = "what a fixture is made of")]
        Command::new("unshare")
            .args(line)
            .env("PATH", "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap()
    }

    /// Returns what the doubles were told.
    pub(crate) fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.at("/var/lib/doubles/calls"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Returns all that is on it, but for what says when something was.
    pub(crate) fn state(&self) -> String {
        let skipped = "! -path ./upper/var/lib/phoenix/setup/journal.jsonl ! -path ./upper/var/lib/doubles/calls ! -path './upper/var/cache/*' ! -path './upper/etc/.pwd.lock' ! -path './upper/etc/*-'";
        let script = format!(
            "cd {} && find ./upper {skipped} \\( -type f -printf '%p %m %U:%G ' -exec sh -c 'sha256sum < \"$1\"' - {{}} \\; -o -type l -printf '%p -> %l\\n' -o -type d -printf '%p %m %U:%G\\n' \\) | sort",
            self.room.path().display()
        );
        // The day on which a password was changed is another one after midnight only.
        run(&["sh", "-c", &script])
    }

    pub(crate) fn setup(&self, spec: &HostSpec, given: &Given) -> Setup {
        Setup::new(self.host(), all(spec, given), || "2026-01-01T00:00:00Z".to_owned())
    }

    /// Sets it up, and returns how each item ended.
    pub(crate) fn set_up(&self, spec: &HostSpec, given: &Given) -> Vec<(Name, Ended)> {
        self.setup(spec, given).run(&|_, _| true, &mut |_, _| {}).unwrap()
    }

    /// Sets it up, and returns every change that was made.
    pub(crate) fn changes(&self, spec: &HostSpec, given: &Given) -> Vec<String> {
        let mut changes = Vec::new();
        let mut told = |item: &Name, told: Told<'_>| {
            if let Told::Made(change) = told {
                changes.push(format!("{item}: {}", change.act));
            }
        };
        let ended = self.setup(spec, given).run(&|_, _| true, &mut told).unwrap();
        all_right(&ended);
        changes
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        run(&["umount", "--lazy", &self.room.path().join("root").display().to_string()]);
    }
}

/// Fails unless every item is right.
pub(crate) fn all_right(ended: &[(Name, Ended)]) {
    for (item, end) in ended {
        assert!(end.is_right(), "{item}: {end:?}");
    }
}

/// Returns everything that a file may ask for, but what takes a card or a reboot.
pub(crate) fn everything(machine: &Machine) -> HostSpec {
    spec(machine.profile())
}

/// The same, with a profile in this file.
pub(crate) fn spec(profile: PathBuf) -> HostSpec {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let disks = words(&DISKS[..2]);
    HostSpec {
        timezone: Some("Europe/Berlin".to_owned()),
        repository: Some(Repository::NoSubscription),
        packages: words(&["s-tui"]),
        administrator: Some(Administrator {
            name: "phoenix_admin".to_owned(),
            password: Some("secret://phoenix/admin".parse().unwrap()),
            sudo: true,
            keys: words(&[
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC3NzaC1lZDI1NTE5AAAAIC3NzaC1lZDI1NTE5AAAA me",
            ]),
        }),
        hostname: Some("pve1".to_owned()),
        domain: None,
        bridge: Some(OuterBridge {
            name: "vmbr0".to_owned(),
            address: "10.0.0.13/24".parse().unwrap(),
            gateway: Some("10.0.0.1".parse().unwrap()),
            resolvers: vec!["10.0.0.1".parse().unwrap()],
        }),
        inner: Some(InnerBridge {
            name: "vmbr100".to_owned(),
            address: "172.16.100.1/24".parse().unwrap(),
        }),
        sdn: vec![SdnNetwork {
            zone: "phoenix".to_owned(),
            vnet: "vnet1".to_owned(),
            alias: Some("phoenix-vnet".to_owned()),
            subnet: "10.20.0.0/24".parse().unwrap(),
            gateway: "10.20.0.1".parse().unwrap(),
            snat: true,
            dhcp: vec![("10.20.0.100".parse().unwrap(), "10.20.0.200".parse().unwrap())],
            resolver: Some("10.20.0.1".parse().unwrap()),
        }],
        firewall: Some(HostFirewall {
            enabled: true,
            input: FirewallAction::Drop,
            output: FirewallAction::Accept,
            rules: vec![FirewallRule {
                direction: TrafficDirection::In,
                action: FirewallAction::Accept,
                source: Some("10.0.0.0/24".into()),
                dest: None,
                proto: Some("TCP".into()),
                port: Some("2049".into()),
                iface: None,
                comment: Some("NFS".into()),
            }],
        }),
        exports: Some(vec![Export {
            path: "/tank/data".to_owned(),
            clients: words(&["10.0.0.0/24", "10.1.0.7"]),
            options: words(&["rw", "sync", "no_subtree_check", "fsid=1"]),
        }]),
        samba: Some(Samba {
            user: "phoenix_admin".to_owned(),
            shares: vec![Share {
                name: "data".to_owned(),
                path: "/tank/data".to_owned(),
                users: words(&["phoenix_admin"]),
            }],
        }),
        arc_max: Some(GibiBytes(8)),
        pools: vec![Pool { name: "tank".to_owned(), level: RaidLevel::Mirror, disks }],
        datasets: vec![
            dataset("data", &[("quota", "500G")], None),
            dataset("disks", &[("recordsize", "16K")], Some((true, "rootdir,images"))),
            dataset("library", &[], Some((false, "vztmpl,iso"))),
        ],
        upgrade: true,
        volumes: vec![LooseVolume {
            name: "models".to_owned(),
            storage: "tank-disks".parse().unwrap(),
            size: GibiBytes(50),
        }],
        profiles: vec![profile],
        ..HostSpec::default()
    }
}

fn dataset(name: &str, properties: &[(&str, &str)], storage: Option<(bool, &str)>) -> Dataset {
    Dataset {
        pool: "tank".to_owned(),
        name: name.to_owned(),
        properties: properties
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        storage: storage.map(|(is_zfs, content)| Storage {
            id: format!("tank-{name}").parse().unwrap(),
            is_zfs,
            content: content.split(',').map(str::to_owned).collect(),
        }),
    }
}

/// A hash of a password, which must be nowhere but in /etc/shadow.
pub(crate) const HASH: &str = "$6$saltsalt$canary0hash0of0a0password";

pub(crate) fn given() -> Given {
    Given { password: Some(Ok(Hidden::new(HASH.to_owned()))), ..Given::default() }
}

/// Takes away what those left behind who were killed.
fn sweep() {
    for entry in fs::read_dir(MEMORY).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(NAME) else { continue };
        let pid = rest.split('-').next().unwrap_or_default();
        if Path::new("/proc").join(pid).exists() {
            continue;
        }
        let root = entry.path().join("root").display().to_string();
        #[expect(clippy::disallowed_methods, reason = "what a fixture is made of")]
        let ended = Command::new("umount").args(["--lazy", &root]).output().unwrap();
        // Where it is not mounted any more, or another one sweeps as well, there is less to do.
        if ended.status.success() || fs::read_dir(&root).is_ok_and(|mut left| left.next().is_none())
        {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// Returns the folder with the root of a host that `cargo xtask test` has made.
fn base() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var_os("PHOENIX_DEBIAN_HOST").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/host-bookworm");
    let base = said.unwrap_or(usual);
    assert!(base.is_dir(), "{} is not there: run `cargo xtask test`", base.display());
    base
}

fn run(words: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "what a fixture is made of")]
    let ended = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8_lossy(&ended.stdout).into_owned()
}
