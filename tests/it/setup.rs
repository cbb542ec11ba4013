//! `phoenix setup`, as a shell sees it: on a folder that is taken for the host.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::program::{Ended, phoenix, phoenix_program};

/// A folder with the host's file and none of guests, which it has later, and one with as much of a
/// host as that asks for.
struct Host(TempDir);

impl Host {
    fn new(hypervisor: &str) -> Self {
        let host = Self(TempDir::new().unwrap());
        let files = [
            ("phoenix_hypervisor_config.json", hypervisor),
            ("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
            ("root/etc/group", "root:x:0:\n"),
            ("root/etc/hostname", "pve1\n"),
            ("root/etc/network/interfaces", "auto lo\niface lo inet loopback\n"),
            ("root/usr/share/zoneinfo/Europe/Berlin", ""),
        ];
        for (path, text) in files {
            let path = host.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        host
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join("root").join(path)
    }

    /// Writes something beside the configuration.
    fn write(&self, path: &str, text: &str) {
        fs::write(self.0.path().join(path), text).unwrap();
    }

    /// Gives it a shell, one disk with something on it, and the programs that know that.
    fn with_disk(&self) {
        let shell = fs::canonicalize("/bin/sh").unwrap().display().to_string();
        #[expect(clippy::disallowed_methods, reason = "what the shell of this machine needs")]
        let listed = said(Command::new("ldd").arg(&shell));
        let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
        for file in libraries.chain([&*shell]) {
            let to = self.at(file.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(fs::canonicalize(file).unwrap(), to).unwrap();
        }
        for (name, script) in PROGRAMS {
            let path = self.at(&format!("usr/local/sbin/{name}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("#!{shell}\n{script}")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(self.at("disk"), "photos").unwrap();
    }

    /// Sets it up on a terminal of its own, where somebody types this.
    fn typed(&self, args: &str, typed: &str) -> Ended {
        let program = phoenix_program();
        let line = format!("{} setup --root {} {args}", program.display(), self.at("").display());
        #[expect(clippy::disallowed_methods, reason = "a terminal is made by a program")]
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\r', "");
        Ended {
            code: ended.status.code().unwrap(),
            out: text(&ended.stdout),
            err: text(&ended.stderr),
        }
    }

    fn setup(&self, args: &[&str]) -> Ended {
        let root = self.at("").display().to_string();
        phoenix(self.0.path(), &[&["setup", "--root", &root], args].concat())
    }
}

fn said(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// What a host with one disk answers; a shell alone has to do.
const PROGRAMS: [(&str, &str); 3] = [
    (
        "zpool",
        "case \"$*\" in\n'list -H -o name') [ -e /made ] && echo tank; exit 0 ;;\nimport) exit 1 ;;\ncreate*) [ -s /disk ] && exit 1; : > /made ;;\n'status -P tank') echo config:; echo /dev/disk/by-id/nvme-A ;;\n*) exit 2 ;;\nesac\n",
    ),
    (
        "lsblk",
        "read -r found < /disk\n[ \"$found\" ] && kind='\"ext4\"' || kind=null\necho '{\"blockdevices\":[{\"name\":\"/dev/nvme0n1\",\"fstype\":'$kind',\"mountpoints\":[null]}]}'\n",
    ),
    (
        "wipefs",
        "case \"$*\" in\n'--no-act --json '*) ;;\n'--all -- /dev/disk/by-id/nvme-A') : > /disk ;;\n*) exit 2 ;;\nesac\n",
    ),
];

const POOL: &str = r#"{ "zfs": { "pools": [{ "name": "tank", "raid_level": "single", "disks": ["/dev/disk/by-id/nvme-A"] }] } }"#;
const WIPE: &str = "--yes --wipe /dev/disk/by-id/nvme-A";

const ZONE: &str = r#"{ "timezone": "Europe/Berlin", "network": { "hostname": "pve1" } }"#;

#[test]
fn a_plan_shows_everything_and_does_nothing() {
    let host = Host::new(ZONE);

    let plan = host.setup(&["--plan"]);

    insta::assert_snapshot!(plan.out);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert_eq!(host.setup(&["--plan", "--exit-code"]).code, 2);
    assert!(!host.at("etc/timezone").exists() && !host.at("var").exists());
}

#[test]
fn nothing_is_done_that_nobody_agreed_to() {
    let host = Host::new(ZONE);

    let asked = host.setup(&[]);

    assert_eq!(asked.code, 1, "{}", asked.out);
    assert!(asked.err.contains("nobody is there to be asked whether to make these changes"));
    assert!(!host.at("etc/timezone").exists());
}

#[test]
fn what_was_agreed_to_is_done_and_then_there_is_nothing_to_do() {
    let host = Host::new(ZONE);

    let done = host.setup(&["--yes"]);

    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.err.contains("time: write /etc/timezone\n"), "{}", done.err);
    assert_eq!(fs::read_to_string(host.at("etc/timezone")).unwrap(), "Europe/Berlin\n");
    let again = host.setup(&["--plan", "--exit-code"]);
    assert_eq!((again.code, again.out.ends_with("\nnothing to do\n")), (0, true), "{}", again.out);
    let checked = host.setup(&["--verify", "-o", "json"]);
    let checks: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!((checked.code, &checks["checks"][0]["ok"]), (0, &serde_json::Value::Bool(true)));
    fs::write(host.at("etc/timezone"), "UTC\n").unwrap();
    assert_eq!(host.setup(&["--verify"]).code, 2);
}

#[test]
fn one_item_that_is_refused_ends_with_one_and_the_others_are_done() {
    let host = Host::new(&ZONE.replace("pve1", "other"));

    let done = host.setup(&["--yes"]);

    assert_eq!(done.code, 1, "{}", done.out);
    let why = "network: NOT DONE: network.hostname: the host is called `pve1`";
    assert!(done.out.contains(why), "{}", done.out);
    assert!(host.at("etc/timezone").exists());
}

#[test]
fn a_disk_is_not_given_up_without_a_terminal_whatever_else_is_said() {
    let pool = r#"{ "zfs": { "pools": [{ "name": "tank", "raid_level": "single", "disks": ["/dev/disk/by-id/a"] }] } }"#;
    let host = Host::new(pool);

    let unknown = host.setup(&["--yes", "--wipe", "/dev/disk/by-id/other"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("/dev/disk/by-id/other is a disk of no pool"), "{}", unknown.err);

    // This host has no `zpool`: nothing can be wiped there, and nobody is asked.
    let wiped = host.setup(&["--yes", "--wipe", "/dev/disk/by-id/a"]);
    assert_eq!(wiped.code, 1, "{}{}", wiped.out, wiped.err);
    assert!(
        wiped.err.contains("/dev/disk/by-id/a is a disk of no pool that is missing"),
        "{}",
        wiped.err
    );
}

#[test]
fn what_the_file_does_not_ask_for_is_not_there() {
    let host = Host::new(ZONE);

    let asked = host.setup(&["--plan", "--only", "samba"]);

    assert_eq!(asked.code, 5);
    assert!(asked.err.contains("there is time, network, sub-ids"), "{}", asked.err);
}

#[test]
fn a_disk_is_given_up_by_who_types_its_name_on_a_terminal() {
    let host = Host::new(POOL);
    host.with_disk();

    let done = host.typed(WIPE, "nvme-A\n");

    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("type `nvme-A` to agree:"), "{done:?}");
    assert!(done.out.contains("ext4 in /dev/nvme0n1"), "what is lost is told: {done:?}");
    assert_eq!(fs::read_to_string(host.at("disk")).unwrap(), "");
    assert!(host.at("made").exists());
}

#[test]
fn a_disk_is_kept_by_who_types_anything_else() {
    let host = Host::new(POOL);
    host.with_disk();

    for typed in ["y\n", "yes\n", "nvme-B\n", "nvme-\n", "\n", ""] {
        let kept = host.typed(WIPE, typed);

        assert_eq!(kept.code, 1, "{typed:?}: {kept:?}");
        assert!(kept.out.contains("nothing was done"), "{typed:?}: {kept:?}");
        assert_eq!(fs::read_to_string(host.at("disk")).unwrap(), "photos", "{typed:?}");
        assert!(!host.at("made").exists());
    }
}

#[test]
fn a_disk_is_kept_where_nobody_sits_in_front() {
    let host = Host::new(POOL);
    host.with_disk();

    let kept = host.setup(&WIPE.split(' ').collect::<Vec<_>>());

    assert_ne!(kept.code, 0);
    assert!(kept.err.contains("/dev/disk/by-id/nvme-A"), "{kept:?}");
    assert_eq!(fs::read_to_string(host.at("disk")).unwrap(), "photos");
    // Who agrees to everything does not agree to this.
    let refused = host.setup(&["--yes"]);
    assert!(refused.out.contains("it is not blank: ext4 in /dev/nvme0n1"), "{refused:?}");
    assert_eq!(fs::read_to_string(host.at("disk")).unwrap(), "photos");
}

#[test]
fn what_is_wrong_with_guests_keeps_no_host_from_being_set_up() {
    for broken in ["{ \"lxc_configs\": ", r#"{ "lxc_configs": { "950": { "name": "app" } } }"#] {
        let shared = r#""shared_volumes": { "models": { "host_path": "/models", "mounts": { "950": "/models" } } },"#;
        let host = Host::new(&ZONE.replacen('{', &format!("{{ {shared}"), 1));
        host.write("phoenix_lxc_configs.json", broken);

        let done = host.setup(&["--yes"]);

        assert_eq!(done.code, 0, "{broken}: {done:?}");
        assert!(done.err.contains("about guests, which this host is set up without"), "{done:?}");
        assert!(host.at("etc/timezone").exists());
    }
    let host = Host::new(r#"{ "timezone": "Europe/Berlin", "proxmox_repository": "free" }"#);

    let refused = host.setup(&["--yes"]);

    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("PHX0912"), "{refused:?}");
    assert!(!host.at("etc/timezone").exists());
}
