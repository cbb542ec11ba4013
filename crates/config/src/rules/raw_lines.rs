//! Raw lines go into the container's file as they are; Proxmox takes some and deletes the others.

use phoenix_domain::RawLine;

use super::{Rule, Together, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static REFUSED: Code = code!("0605", Error, "Proxmox does not take a raw LXC line");
static RISKY: Code = code!("0606", Warning, "a raw LXC line is outdated or opens all devices");

pub(super) const RULE: Rule = Rule { codes: &[&REFUSED, &RISKY], check };

/// What Proxmox takes besides the [`FAMILIES`].
#[rustfmt::skip]
const TAKEN: &[&str] = &[
    "lxc.apparmor.allow_incomplete", "lxc.apparmor.allow_nesting", "lxc.apparmor.profile",
    "lxc.apparmor.raw", "lxc.arch", "lxc.autodev", "lxc.cap.drop", "lxc.cap.keep",
    "lxc.console.logfile", "lxc.console.path", "lxc.devtty.dir", "lxc.environment",
    "lxc.environment.hooks", "lxc.environment.runtime", "lxc.group", "lxc.hook.autodev",
    "lxc.hook.clone", "lxc.hook.destroy", "lxc.hook.mount", "lxc.hook.post-stop",
    "lxc.hook.pre-mount", "lxc.hook.pre-start", "lxc.hook.start", "lxc.hook.stop",
    "lxc.hook.version", "lxc.idmap", "lxc.include", "lxc.init.cmd", "lxc.init.cwd", "lxc.kmsg",
    "lxc.log.file", "lxc.log.level", "lxc.mount.auto", "lxc.mount.entry", "lxc.mount.fstab",
    "lxc.pty.max", "lxc.rootfs.mount", "lxc.seccomp.notify.cookie", "lxc.seccomp.notify.proxy",
    "lxc.seccomp.profile", "lxc.selinux.context", "lxc.signal.halt", "lxc.signal.reboot",
    "lxc.signal.stop", "lxc.start.auto", "lxc.start.delay", "lxc.start.order",
    "lxc.sysctl.fs.mqueue", "lxc.sysctl.kernel.msgmax", "lxc.sysctl.kernel.msgmnb",
    "lxc.sysctl.kernel.msgmni", "lxc.sysctl.kernel.sem", "lxc.sysctl.kernel.shm_rmid_forced",
    "lxc.sysctl.kernel.shmall", "lxc.sysctl.kernel.shmmax", "lxc.sysctl.kernel.shmmni",
    "lxc.tty.max", "lxc.uts.name",
];

/// Beginnings of keys of which Proxmox takes all.
const FAMILIES: &[&str] = &["lxc.cgroup.", "lxc.cgroup2.", "lxc.net.", "lxc.prlimit."];

/// Names that LXC gave up, and what took their place.
const RENAMED: &[(&str, &str)] = &[
    ("lxc.aa_profile", "lxc.apparmor.profile"),
    ("lxc.id_map", "lxc.idmap"),
    ("lxc.limit.", "lxc.prlimit."),
    ("lxc.mount", "lxc.mount.fstab"),
    ("lxc.network.", "lxc.net."),
    ("lxc.seccomp", "lxc.seccomp.profile"),
    ("lxc.utsname", "lxc.uts.name"),
];

fn check(scene: &Scene<'_>, findings: &Findings) {
    let (mut old_cgroup, mut all_devices) = (Together::default(), Together::default());
    for guest in scene.guests {
        for line in guest.spec.container().iter().flat_map(|container| &container.raw_lines) {
            let place =
                || scene.sources.element(guest.at("lxc_options"), |text| is_line(text, line));
            if let Some((why, help)) = refused(line) {
                let message = format!("{} {why}", asks(guest, line));
                findings.add(Finding::new(&REFUSED, place(), message).help(help));
                continue;
            }
            let rule = line.key.strip_prefix("lxc.cgroup");
            if rule.is_some_and(|rule| rule.starts_with('.')) {
                old_cgroup.add(guest, place);
            }
            let is_devices = rule.is_some_and(|rule| rule.ends_with(".devices.allow"));
            if is_devices && line.value.split_whitespace().next() == Some("a") {
                all_devices.add(guest, place);
            }
        }
    }
    if let Some((place, guests)) = old_cgroup.called() {
        findings.add(
            Finding::new(&RISKY, place, format!("a raw line `lxc.cgroup.…` is outdated in {guests}"))
                .help("a current Proxmox only has cgroup 2, where such a line has no effect: write `lxc.cgroup2.…`"),
        );
    }
    if let Some((place, guests)) = all_devices.called() {
        findings.add(
            Finding::new(&RISKY, place, format!("no rule keeps {guests} from any device of the host"))
                .label("`a` stands for all devices")
                .help("name the devices that are needed: `lxc.cgroup2.devices.allow=c 10:229 rwm` is /dev/fuse; GPUs need no line, `gpu_assignment` lets them in"),
        );
    }
}

fn asks(guest: &Guest, line: &RawLine) -> String {
    format!("{} has a raw line `{}`", guest.called(), line.key)
}

/// Says whether an element of `lxc_options` is this line.
fn is_line(text: &str, line: &RawLine) -> bool {
    let rest = text.trim_start().strip_prefix(&*line.key);
    rest.is_some_and(|rest| rest.trim_start_matches([' ', '=', ':']).trim_end() == &*line.value)
}

/// Says why Proxmox or LXC does not take a line, and what to do.
fn refused(line: &RawLine) -> Option<(String, String)> {
    match &*line.key {
        "lxc.rootfs.path" | "lxc.rootfs.options" => Some((
            "that Proxmox writes itself".to_owned(),
            "remove it: the root disk is `storage_pool` and `storage_size_gb`".to_owned(),
        )),
        "lxc.idmap" if !is_id_map(&line.value) => Some((
            format!("whose value `{}` is no map of ids", line.value),
            "a map is written `u 0 100000 65536`: `u` or `g`, the first id inside, the first outside, how many".to_owned(),
        )),
        "lxc.mount.entry" => bad_mount(&line.value).map(|why| (
            format!("that mounts nothing: {why}"),
            "a mount is written `/dev/fuse dev/fuse none bind,create=file 0 0`: what, where (below the root of the container, without a slash in front), type, options, and two numbers that may be left out".to_owned(),
        )),
        key if TAKEN.contains(&key) || FAMILIES.iter().any(|family| key.starts_with(family)) => None,
        key => {
            let renamed = RENAMED.iter().find(|(old, _)| {
                key == *old || (old.ends_with('.') && key.starts_with(old))
            });
            let near = renamed
                .map(|(old, new)| key.replacen(old, new, 1))
                .or_else(|| did_you_mean(key, TAKEN.iter().copied()).map(str::to_owned));
            let help = near.map_or_else(
                || "remove it: Proxmox deletes such a line at the next `pct set`, without a word".to_owned(),
                |near| format!("did you mean `{near}`? Proxmox deletes this line at the next `pct set`, without a word"),
            );
            Some(("that Proxmox does not know".to_owned(), help))
        }
    }
}

fn is_id_map(value: &str) -> bool {
    let mut fields = value.split_whitespace();
    let is_kind = matches!(fields.next(), Some("u" | "g"));
    let numbers: Vec<_> = fields.map(str::parse::<u32>).collect();
    match numbers.as_slice() {
        [Ok(inside), Ok(outside), Ok(count)] => {
            is_kind
                && *count > 0
                && inside.checked_add(*count).is_some()
                && outside.checked_add(*count).is_some()
        }
        _ => false,
    }
}

fn bad_mount(value: &str) -> Option<String> {
    let fields: Vec<_> = value.split_whitespace().collect();
    match fields.as_slice() {
        [_, target, _, _] | [_, target, _, _, _] | [_, target, _, _, _, _] => {
            target.starts_with('/').then(|| format!("the target `{target}` begins with a slash"))
        }
        fields => Some(format!("4 to 6 fields are wanted, and it has {}", fields.len())),
    }
}
