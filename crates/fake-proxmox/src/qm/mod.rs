//! `qm`: the commands for machines, as far as they were recorded.

mod agent;
mod change;
mod conf;
mod copy;
mod drive;
mod guest;
pub(crate) mod job;
pub(crate) mod keys;
pub(crate) mod life;
mod look;
mod power;

use crate::cli::{Command, Program, known_but_absent};
use crate::pct::SNAPSHOT;
use crate::schema::options::EXTRA;
use crate::schema::{Format, Prop, VMID, boolean, formats, integer, needed, text};

pub(crate) use self::look::{all_as_json, tags};

const VM: &[&str] = &["vmid"];
const SNAP: &[&str] = &["vmid", "snapname"];

fn is_new_size(value: &str) -> bool {
    let size = value.strip_prefix('+').unwrap_or(value);
    formats::is_decimal(size.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(size))
}

/// The commands.
pub(crate) const QM: Program = Program {
    name: "qm",
    groups: &[
        &[
            Command {
                name: "agent",
                positions: &["vmid", "command"],
                usage: "<vmid> <command>",
                options: || vec![VMID, needed(text("command"))],
                run: agent::ping,
            },
            Command {
                name: "cloudinit",
                positions: &["action", "vmid", "type"],
                usage: "dump <vmid> <type>",
                options: || vec![needed(text("action")), VMID, text("type")],
                run: agent::cloudinit,
            },
            Command {
                name: "guest",
                positions: &["action", "vmid", EXTRA],
                usage: "cmd <vmid> <command>",
                options: || vec![needed(text("action")), VMID, integer("timeout", 0, None)],
                run: agent::guest,
            },
        ],
        &[
            Command {
                name: "clone",
                positions: &["vmid", "newid"],
                usage: "<vmid> <newid> [OPTIONS]",
                options: || {
                    vec![
                        VMID,
                        Prop { name: "newid", ..VMID },
                        Prop { format: Format::Is(formats::dns_name), ..text("name") },
                        text("description"),
                        text("pool"),
                        SNAPSHOT,
                        text("storage"),
                        text("format"),
                        boolean("full"),
                        text("target"),
                    ]
                },
                run: copy::clone_command,
            },
            Command {
                name: "config",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, boolean("current"), Prop { name: "snapshot", ..SNAPSHOT }],
                run: look::config,
            },
            Command {
                name: "create",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: keys::create,
                run: change::create_command,
            },
            Command {
                name: "delsnapshot",
                positions: SNAP,
                usage: "<vmid> <snapname> [OPTIONS]",
                options: || vec![VMID, needed(SNAPSHOT), boolean("force")],
                run: copy::drop_snapshot_command,
            },
            Command {
                name: "destroy",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || {
                    let flags = ["purge", "destroy-unreferenced-disks", "skiplock"].map(boolean);
                    [VMID].into_iter().chain(flags).collect()
                },
                run: copy::destroy_command,
            },
            Command {
                name: "importdisk",
                positions: &["vmid", "source", "storage"],
                usage: "<vmid> <source> <storage> [OPTIONS]",
                options: || {
                    vec![
                        VMID,
                        needed(text("source")),
                        needed(text("storage")),
                        Prop { one_of: &["raw", "qcow2", "vmdk"], ..text("format") },
                        text("target-disk"),
                    ]
                },
                run: change::import_command,
            },
            Command { name: "list", positions: &[], usage: "", options: Vec::new, run: look::list },
            Command {
                name: "listsnapshot",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: look::snapshots,
            },
            known_but_absent("migrate", "<vmid> <target> [OPTIONS]"),
            Command {
                name: "pending",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: look::pending,
            },
            known_but_absent("reboot", "<vmid> [OPTIONS]"),
            known_but_absent("reset", "<vmid> [OPTIONS]"),
            Command {
                name: "resize",
                positions: &["vmid", "disk", "size"],
                usage: "<vmid> <disk> <size> [OPTIONS]",
                options: || {
                    let size = Prop { pattern: Some(is_new_size), ..needed(text("size")) };
                    vec![VMID, needed(text("disk")), size, boolean("skiplock"), text("digest")]
                },
                run: change::resize_command,
            },
            known_but_absent("rollback", "<vmid> <snapname> [OPTIONS]"),
            Command {
                name: "set",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: keys::set,
                run: change::set_command,
            },
            Command {
                name: "shutdown",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || {
                    let flags = ["forceStop", "keepActive", "skiplock"].map(boolean);
                    [VMID, integer("timeout", 0, None)].into_iter().chain(flags).collect()
                },
                run: power::shutdown_command,
            },
            Command {
                name: "snapshot",
                positions: SNAP,
                usage: "<vmid> <snapname> [OPTIONS]",
                options: || vec![VMID, needed(SNAPSHOT), text("description"), boolean("vmstate")],
                run: copy::snapshot_command,
            },
            Command {
                name: "start",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, boolean("skiplock"), integer("timeout", 0, None)],
                run: power::start_command,
            },
            Command {
                name: "status",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, boolean("verbose")],
                run: look::status,
            },
            Command {
                name: "stop",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || {
                    let flags = ["keepActive", "skiplock", "overrule-shutdown"].map(boolean);
                    [VMID, integer("timeout", 0, None)].into_iter().chain(flags).collect()
                },
                run: power::stop_command,
            },
            Command {
                name: "template",
                positions: VM,
                usage: "<vmid> [OPTIONS]",
                options: || vec![VMID, text("disk")],
                run: copy::template_command,
            },
            Command {
                name: "unlock",
                positions: VM,
                usage: "<vmid>",
                options: || vec![VMID],
                run: change::unlock_command,
            },
        ],
    ],
};

/// Returns what `qemu-img` says when it makes a file.
pub(crate) fn formatting(path: &str, bytes: u64) -> String {
    format!(
        "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata \
         compression_type=zlib size={bytes} lazy_refcounts=off refcount_bits=16\n"
    )
}

/// Returns what is said of a copy that took no time.
fn transferred(bytes: u64) -> String {
    let shown = match bytes {
        0..0x400 => format!("{bytes}.0 B"),
        0x400..0x10_0000 => format!("{}.0 KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{}.0 MiB", bytes >> 20),
        _ => format!("{}.0 GiB", bytes >> 30),
    };
    format!("transferred 0.0 B of {shown} (0.00%)\ntransferred {shown} of {shown} (100.00%)\n")
}
