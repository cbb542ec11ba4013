//! The keys of a container's configuration.

use crate::schema::{Format, Kind, Prop, boolean, formats, integer, needed, prop, text};

pub(crate) const MOUNT_POINTS: u32 = 256;
const OPTIONS: [&str; 6] = ["discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"];

fn is_mount_options(value: &str) -> bool {
    value.split(';').all(|option| OPTIONS.contains(&option))
}

fn is_id_map(value: &str) -> bool {
    let is_entry = |entry: &str| {
        let parts: Vec<&str> = entry.split(':').collect();
        matches!(parts.as_slice(), ["u" | "g", inside, outside, count]
            if [inside, outside, count].into_iter().all(|part| formats::is_digits(part))
                && !count.starts_with('0'))
    };
    value == "passthrough" || value.split(';').all(is_entry)
}

fn is_word(value: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !value.is_empty() && value.chars().all(fits)
}

fn is_trunks(value: &str) -> bool {
    value.split(';').all(formats::is_digits)
}

fn is_mode(value: &str) -> bool {
    value.len() == 4 && value.starts_with('0') && value.bytes().all(|b| (b'0'..=b'7').contains(&b))
}

fn is_file_systems(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ';' | ' '))
}

fn is_without_controls(value: &str) -> bool {
    value.chars().all(|c| c == '\t' || !c.is_control())
}

fn is_environment(value: &str) -> bool {
    let is_pair = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, value)| {
            let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            !name.is_empty() && is_name && is_without_controls(value)
        })
    };
    value.split('\0').all(is_pair)
}

const VOLUME: Prop = Prop {
    is_default_key: true,
    format: Format::Is(formats::mount_point),
    ..needed(text("volume"))
};
const SIZE: Prop = Prop { format: Format::Size, ..text("size") };
const MOUNT_OPTIONS: Prop = Prop { pattern: Some(is_mount_options), ..text("mountoptions") };
const ID_MAP: Prop = Prop { pattern: Some(is_id_map), ..text("idmap") };

/// The parts of `rootfs`.
pub(crate) const ROOTFS: [Prop; 9] = [
    VOLUME,
    SIZE,
    boolean("acl"),
    MOUNT_OPTIONS,
    ID_MAP,
    boolean("ro"),
    boolean("quota"),
    boolean("replicate"),
    boolean("shared"),
];

/// The parts of `mp0` to `mp255`.
pub(crate) const MOUNT: [Prop; 12] = [
    VOLUME,
    SIZE,
    boolean("acl"),
    MOUNT_OPTIONS,
    ID_MAP,
    boolean("ro"),
    boolean("quota"),
    boolean("replicate"),
    boolean("shared"),
    boolean("backup"),
    Prop { format: Format::Is(formats::mount_point), ..needed(text("mp")) },
    boolean("keepattrs"),
];

/// The parts of `unused0` to `unused255`.
pub(crate) const UNUSED: [Prop; 1] = [Prop {
    is_default_key: true,
    format: Format::Is(formats::volume_id),
    ..needed(text("volume"))
}];

/// The parts of `dev0` to `dev255`.
pub(crate) const DEVICE: [Prop; 5] = [
    Prop { is_default_key: true, format: Format::Is(formats::device), ..text("path") },
    Prop { pattern: Some(is_mode), ..text("mode") },
    integer("uid", 0, None),
    integer("gid", 0, None),
    boolean("deny-write"),
];

/// The parts of `net0` to `net31`.
pub(crate) const NET: [Prop; 15] = [
    Prop { one_of: &["veth"], ..text("type") },
    Prop { pattern: Some(is_word), ..needed(text("name")) },
    Prop { pattern: Some(is_word), ..text("bridge") },
    Prop { format: Format::Is(formats::mac), ..text("hwaddr") },
    integer("mtu", 64, Some(65535)),
    Prop { format: Format::Is(formats::ipv4_config), ..text("ip") },
    Prop { format: Format::Is(formats::ipv4), ..text("gw") },
    Prop { format: Format::Is(formats::ipv6_config), ..text("ip6") },
    Prop { format: Format::Is(formats::ipv6), ..text("gw6") },
    boolean("firewall"),
    integer("tag", 1, Some(4094)),
    Prop { pattern: Some(is_trunks), ..text("trunks") },
    prop("rate", Kind::Number),
    boolean("link_down"),
    boolean("host-managed"),
];

/// The parts of `features`.
pub(crate) const FEATURES: [Prop; 6] = [
    Prop { pattern: Some(is_file_systems), ..text("mount") },
    boolean("nesting"),
    boolean("keyctl"),
    boolean("fuse"),
    boolean("mknod"),
    boolean("force_rw_sys"),
];

/// All keys but those of snapshots.
pub(crate) const ALL: [Prop; 34] = [
    Prop {
        one_of: &[
            "backup",
            "create",
            "destroyed",
            "disk",
            "fstrim",
            "migrate",
            "mounted",
            "rollback",
            "snapshot",
            "snapshot-delete",
        ],
        ..text("lock")
    },
    boolean("onboot"),
    Prop { format: Format::Is(formats::startup), ..text("startup") },
    boolean("template"),
    Prop { one_of: &["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"], ..text("arch") },
    Prop {
        one_of: &[
            "debian",
            "devuan",
            "ubuntu",
            "centos",
            "fedora",
            "opensuse",
            "archlinux",
            "alpine",
            "gentoo",
            "nixos",
            "unmanaged",
        ],
        ..text("ostype")
    },
    boolean("console"),
    integer("tty", 0, Some(6)),
    integer("cores", 1, Some(8192)),
    Prop { range: (Some(0), Some(8192)), ..prop("cpulimit", Kind::Number) },
    integer("cpuunits", 0, Some(500_000)),
    integer("memory", 16, None),
    integer("swap", 0, None),
    Prop { format: Format::Is(formats::dns_name), length: (0, 255), ..text("hostname") },
    Prop { length: (0, 8192), ..text("description") },
    Prop { format: Format::Each(formats::dns_name), ..text("searchdomain") },
    Prop { format: Format::Each(formats::ip_with_interface), ..text("nameserver") },
    Prop { format: Format::Is(formats::time_zone), ..text("timezone") },
    Prop { format: Format::Parts(&ROOTFS), ..text("rootfs") },
    Prop { one_of: &["shell", "console", "tty"], ..text("cmode") },
    Prop { pattern: Some(is_without_controls), ..text("entrypoint") },
    boolean("protection"),
    boolean("unprivileged"),
    Prop { format: Format::Parts(&FEATURES), ..text("features") },
    Prop { pattern: Some(is_environment), ..text("env") },
    Prop { format: Format::Is(formats::volume_id), ..text("hookscript") },
    Prop { format: Format::Each(formats::tag), ..text("tags") },
    boolean("debug"),
    Prop { count: 32, format: Format::Parts(&NET), ..text("net") },
    Prop { count: MOUNT_POINTS, format: Format::Parts(&MOUNT), ..text("mp") },
    Prop { count: MOUNT_POINTS, format: Format::Parts(&UNUSED), ..text("unused") },
    Prop { count: 256, format: Format::Parts(&DEVICE), ..text("dev") },
    // These two are written by snapshots and cannot be given.
    Prop { format: Format::Is(formats::config_id), length: (0, 40), ..text("parent") },
    integer("snaptime", 0, None),
];

/// Returns the keys that can be given to `create` and `set`.
pub(crate) fn options() -> Vec<Prop> {
    let internal = ["parent", "snaptime"];
    ALL.iter().filter(|prop| !internal.contains(&prop.name)).copied().collect()
}

/// Splits `mp3` into its kind and number.
pub(crate) fn numbered<'a>(key: &'a str, kind: &str) -> Option<&'a str> {
    key.strip_prefix(kind).filter(|number| formats::is_digits(number))
}

const KNOWN_LXC: [&str; 61] = [
    "lxc.apparmor.profile",
    "lxc.apparmor.allow_incomplete",
    "lxc.apparmor.allow_nesting",
    "lxc.apparmor.raw",
    "lxc.selinux.context",
    "lxc.include",
    "lxc.arch",
    "lxc.uts.name",
    "lxc.signal.halt",
    "lxc.signal.reboot",
    "lxc.signal.stop",
    "lxc.init.cmd",
    "lxc.init.cwd",
    "lxc.init.uid",
    "lxc.init.gid",
    "lxc.init.groups",
    "lxc.pty.max",
    "lxc.console.logfile",
    "lxc.console.path",
    "lxc.tty.max",
    "lxc.devtty.dir",
    "lxc.hook.autodev",
    "lxc.autodev",
    "lxc.kmsg",
    "lxc.mount.fstab",
    "lxc.mount.entry",
    "lxc.mount.auto",
    "lxc.rootfs.mount",
    "lxc.cap.drop",
    "lxc.cap.keep",
    "lxc.seccomp.profile",
    "lxc.seccomp.notify.proxy",
    "lxc.seccomp.notify.cookie",
    "lxc.idmap",
    "lxc.hook.pre-start",
    "lxc.hook.pre-mount",
    "lxc.hook.mount",
    "lxc.hook.start",
    "lxc.hook.stop",
    "lxc.hook.post-stop",
    "lxc.hook.clone",
    "lxc.hook.destroy",
    "lxc.hook.version",
    "lxc.log.level",
    "lxc.log.file",
    "lxc.start.auto",
    "lxc.start.delay",
    "lxc.start.order",
    "lxc.group",
    "lxc.environment",
    "lxc.environment.runtime",
    "lxc.environment.hooks",
    "lxc.sysctl.fs.mqueue",
    "lxc.sysctl.kernel.msgmax",
    "lxc.sysctl.kernel.msgmnb",
    "lxc.sysctl.kernel.msgmni",
    "lxc.sysctl.kernel.sem",
    "lxc.sysctl.kernel.shmall",
    "lxc.sysctl.kernel.shmmax",
    "lxc.sysctl.kernel.shmmni",
    "lxc.sysctl.kernel.shm_rmid_forced",
];

/// What lxc called its keys before its third version; they still pass, with a warning.
const RENAMED_LXC: [(&str, &str); 29] = [
    ("lxc.aa_profile", "lxc.apparmor.profile"),
    ("lxc.aa_allow_incomplete", "lxc.apparmor.allow_incomplete"),
    ("lxc.console", "lxc.console.path"),
    ("lxc.devttydir", "lxc.tty.dir"),
    ("lxc.haltsignal", "lxc.signal.halt"),
    ("lxc.rebootsignal", "lxc.signal.reboot"),
    ("lxc.stopsignal", "lxc.signal.stop"),
    ("lxc.id_map", "lxc.idmap"),
    ("lxc.init_cmd", "lxc.init.cmd"),
    ("lxc.loglevel", "lxc.log.level"),
    ("lxc.logfile", "lxc.log.file"),
    ("lxc.mount", "lxc.mount.fstab"),
    ("lxc.network.type", "lxc.net.INDEX.type"),
    ("lxc.network.flags", "lxc.net.INDEX.flags"),
    ("lxc.network.link", "lxc.net.INDEX.link"),
    ("lxc.network.mtu", "lxc.net.INDEX.mtu"),
    ("lxc.network.name", "lxc.net.INDEX.name"),
    ("lxc.network.hwaddr", "lxc.net.INDEX.hwaddr"),
    ("lxc.network.ipv4", "lxc.net.INDEX.ipv4.address"),
    ("lxc.network.ipv4.gateway", "lxc.net.INDEX.ipv4.gateway"),
    ("lxc.network.ipv6", "lxc.net.INDEX.ipv6.address"),
    ("lxc.network.ipv6.gateway", "lxc.net.INDEX.ipv6.gateway"),
    ("lxc.network.script.up", "lxc.net.INDEX.script.up"),
    ("lxc.network.script.down", "lxc.net.INDEX.script.down"),
    ("lxc.pts", "lxc.pty.max"),
    ("lxc.se_context", "lxc.selinux.context"),
    ("lxc.seccomp", "lxc.seccomp.profile"),
    ("lxc.tty", "lxc.tty.max"),
    ("lxc.utsname", "lxc.uts.name"),
];

/// Whether Proxmox takes a raw line.
pub(crate) enum Raw {
    Fine,
    /// Taken, with these words.
    Deprecated(String),
    /// Not taken, with these words or the ordinary ones.
    Refused(Option<&'static str>),
}

/// Judges the key of a raw line.
pub(crate) fn raw(key: &str) -> Raw {
    if key.starts_with("lxc.limit.") {
        return Raw::Deprecated(format!("{key}: lxc.limit.* was renamed to lxc.prlimit.*"));
    }
    if let Some((_, new)) = RENAMED_LXC.iter().find(|(old, _)| *old == key) {
        return Raw::Deprecated(format!("{key} is deprecated and was renamed to {new}"));
    }
    if key == "lxc.rootfs.path" {
        return Raw::Refused(Some("lxc.rootfs.path is auto generated from rootfs"));
    }
    if key == "lxc.rootfs.options" {
        return Raw::Refused(Some(
            "lxc.rootfs.options is not supported, please use mount point options in the \
             \"rootfs\" key",
        ));
    }
    if key.starts_with("lxc.cgroup.") {
        let words = "is deprecated, this will be a hard error in the future!";
        return Raw::Deprecated(format!("{key} {words}"));
    }
    let families = ["lxc.cgroup2.", "lxc.prlimit.", "lxc.net."];
    if KNOWN_LXC.contains(&key) || families.iter().any(|family| key.starts_with(family)) {
        return Raw::Fine;
    }
    Raw::Refused(None)
}
