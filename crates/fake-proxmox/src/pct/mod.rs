//! `pct`: the commands for containers.

mod change;
pub(crate) mod clone;
pub(crate) mod create;
pub(crate) mod destroy;
mod exec;
pub(crate) mod files;
mod hotplug;
mod look;
mod other;
pub(crate) use self::look::{current, state, tree};
pub(crate) mod os;
pub(crate) mod power;
pub(crate) mod resize;
pub(crate) mod snapshot;
pub(crate) mod template;

use crate::cli::{Command, Program, known_but_absent};
use crate::conf::keys;
use crate::schema::options::EXTRA;
use crate::schema::{Format, Kind, Prop, VMID, boolean, formats, integer, needed, prop, text};

const NEW_ID: Prop = Prop { name: "newid", ..VMID };
const DESCRIPTION: Prop = text("description");
pub(crate) const SNAPSHOT: Prop =
    Prop { format: Format::Is(formats::config_id), length: (0, 40), ..text("snapname") };
const STORAGE: Prop = Prop { format: Format::Is(formats::storage_id), ..text("storage") };
const POOL: Prop = text("pool");
const BANDWIDTH: Prop = Prop { range: (Some(0), None), ..prop("bwlimit", Kind::Number) };
const DIGEST: Prop = Prop { length: (0, 40), ..text("digest") };

fn is_new_size(value: &str) -> bool {
    let size = value.strip_prefix('+').unwrap_or(value);
    let digits = size.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(size);
    formats::is_decimal(digits)
}

fn is_disk(value: &str) -> Result<(), String> {
    let number = value.strip_prefix("mp").and_then(|number| number.parse::<u32>().ok());
    let fits = value == "rootfs" || number.is_some_and(|number| number < keys::MOUNT_POINTS);
    if fits { Ok(()) } else { Err(format!("'{value}' is no disk of a container\n")) }
}

fn create_options() -> Vec<Prop> {
    let mut props = keys::options();
    props.extend([
        VMID,
        Prop { length: (0, 255), ..needed(text("ostemplate")) },
        Prop { length: (5, usize::MAX), is_interactive: true, ..text("password") },
        STORAGE,
        boolean("force"),
        boolean("restore"),
        Prop { requires: Some("restore"), ..boolean("unique") },
        POOL,
        boolean("ignore-unpack-errors"),
        text("ssh-public-keys"),
        BANDWIDTH,
        boolean("start"),
        boolean("ha-managed"),
    ]);
    props
}

fn set_options() -> Vec<Prop> {
    let mut props = keys::options();
    let id_list = |name| Prop { format: Format::Each(formats::config_id), ..text(name) };
    props.extend([VMID, id_list("delete"), id_list("revert"), DIGEST]);
    props
}

fn clone_options() -> Vec<Prop> {
    vec![
        VMID,
        NEW_ID,
        Prop { format: Format::Is(formats::dns_name), ..text("hostname") },
        DESCRIPTION,
        POOL,
        SNAPSHOT,
        STORAGE,
        boolean("full"),
        Prop { format: Format::Is(formats::node), ..text("target") },
        BANDWIDTH,
    ]
}

fn file_options() -> Vec<Prop> {
    vec![
        VMID,
        needed(text("file")),
        needed(text("path")),
        needed(text("destination")),
        text("user"),
        text("group"),
        text("perms"),
    ]
}

fn push_options() -> Vec<Prop> {
    file_options().into_iter().filter(|prop| prop.name != "path").collect()
}

fn pull_options() -> Vec<Prop> {
    file_options().into_iter().filter(|prop| prop.name != "file").collect()
}

const VM: &[&str] = &["vmid"];
const SNAP: &[&str] = &["vmid", "snapname"];

/// The commands, in the groups and the order in which they are listed.
pub(crate) const PCT: Program = Program {
    name: "pct",
    groups: &[
        &[
            Command {
                name: "clone",
                positions: &["vmid", "newid"],
                usage: "<vmid> <newid> [OPTIONS]",
                options: clone_options,
                run: clone::command,
            },
            Command {
                name: "create",
                positions: &["vmid", "ostemplate"],
                usage: "<vmid> <ostemplate> [OPTIONS]",
                options: create_options,
                run: create::command,
            },
            Command {
                name: "destroy",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || {
                    let flags = ["force", "purge", "destroy-unreferenced-disks"].map(boolean);
                    [VMID].into_iter().chain(flags).collect()
                },
                run: destroy::command,
            },
            Command { name: "list", positions: &[], usage: "", options: Vec::new, run: look::list },
            known_but_absent("migrate", "<vmid> <target> [OPTIONS]"),
            known_but_absent(
                "move-volume",
                "<vmid> <volume> [<storage>] [<target-vmid>] [<target-volume>] [OPTIONS]",
            ),
            Command {
                name: "pending",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: look::pending,
            },
            Command {
                name: "resize",
                positions: &["vmid", "disk", "size"],
                usage: "<vmid> <disk> <size> [OPTIONS]",
                options: || {
                    let disk = Prop { format: Format::Is(is_disk), ..needed(text("disk")) };
                    let size = Prop { pattern: Some(is_new_size), ..needed(text("size")) };
                    vec![VMID, disk, size, DIGEST]
                },
                run: resize::command,
            },
            known_but_absent("restore", "<vmid> <ostemplate> [OPTIONS]"),
            Command {
                name: "template",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: template::command,
            },
        ],
        &[
            Command {
                name: "config",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, boolean("current"), Prop { name: "snapshot", ..SNAPSHOT }],
                run: look::config,
            },
            Command {
                name: "set",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: set_options,
                run: change::command,
            },
        ],
        &[
            Command {
                name: "delsnapshot",
                positions: SNAP,
                usage: "<vmid> <snapname> [OPTIONS]",
                options: || vec![VMID, needed(SNAPSHOT), boolean("force")],
                run: snapshot::drop_command,
            },
            Command {
                name: "listsnapshot",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: look::snapshots,
            },
            Command {
                name: "rollback",
                positions: SNAP,
                usage: "<vmid> <snapname> [OPTIONS]",
                options: || vec![VMID, needed(SNAPSHOT), boolean("start")],
                run: snapshot::roll_back_command,
            },
            Command {
                name: "snapshot",
                positions: SNAP,
                usage: "<vmid> <snapname> [OPTIONS]",
                options: || vec![VMID, needed(SNAPSHOT), DESCRIPTION],
                run: snapshot::take_command,
            },
        ],
        &[
            Command {
                name: "reboot",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, integer("timeout", 0, None)],
                run: power::reboot_command,
            },
            known_but_absent("resume", "<vmid>"),
            Command {
                name: "shutdown",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, integer("timeout", 0, None), boolean("forceStop")],
                run: power::shutdown_command,
            },
            Command {
                name: "start",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, boolean("skiplock"), boolean("debug")],
                run: power::start_command,
            },
            Command {
                name: "stop",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, boolean("skiplock"), boolean("overrule-shutdown")],
                run: power::stop_command,
            },
            known_but_absent("suspend", "<vmid>"),
        ],
        &[
            known_but_absent("console", "<vmid> [OPTIONS]"),
            known_but_absent("cpusets", ""),
            Command {
                name: "df",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: other::df,
            },
            known_but_absent("enter", "<vmid> [OPTIONS]"),
            Command {
                name: "exec",
                positions: &["vmid", EXTRA],
                usage: "<vmid> [<extra-args>] [OPTIONS]",
                options: || vec![VMID, boolean("keep-env")],
                run: exec::command,
            },
            Command {
                name: "fsck",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || {
                    let device = Prop { format: Format::Is(is_disk), ..text("device") };
                    vec![VMID, boolean("force"), device]
                },
                run: other::fsck,
            },
            known_but_absent("fstrim", "<vmid> [OPTIONS]"),
            Command {
                name: "mount",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: other::mount,
            },
            Command {
                name: "pull",
                positions: &["vmid", "path", "destination"],
                usage: "<vmid> <path> <destination> [OPTIONS]",
                options: pull_options,
                run: files::pull_command,
            },
            Command {
                name: "push",
                positions: &["vmid", "file", "destination"],
                usage: "<vmid> <file> <destination> [OPTIONS]",
                options: push_options,
                run: files::push_command,
            },
            known_but_absent(
                "remote-migrate",
                "<vmid> [<target-vmid>] <target-endpoint> --target-bridge <string> \
                 --target-storage <string> [OPTIONS]",
            ),
            Command {
                name: "rescan",
                positions: &[],
                usage: " [OPTIONS]",
                options: || vec![Prop { optional: true, ..VMID }, boolean("dryrun")],
                run: other::rescan,
            },
            Command {
                name: "status",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, boolean("verbose")],
                run: look::status,
            },
            Command {
                name: "unlock",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: other::unlock,
            },
            Command {
                name: "unmount",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: other::unmount,
            },
        ],
    ],
};
