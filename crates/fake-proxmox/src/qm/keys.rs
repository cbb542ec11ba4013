//! What can be given to a machine, as far as it is checked.

use super::drive::{DRIVE, KINDS};
use crate::schema::options::Given;
use crate::schema::{Format, Kind, Prop, VMID, boolean, formats, integer, needed, prop, text};

const MEMORY: [Prop; 1] = [Prop { is_default_key: true, ..needed(integer("current", 16, None)) }];

const MODELS: [&str; 9] = [
    "virtio",
    "e1000",
    "e1000e",
    "rtl8139",
    "vmxnet3",
    "ne2k_pci",
    "i82551",
    "pcnet",
    "e1000-82540em",
];

/// The parts of an interface, once its model has a name.
pub(super) const NET: [Prop; 9] = [
    Prop { is_default_key: true, one_of: &MODELS, ..needed(text("model")) },
    Prop { format: Format::Is(formats::mac), ..text("macaddr") },
    text("bridge"),
    integer("queues", 0, Some(64)),
    prop("rate", Kind::Number),
    integer("tag", 1, Some(4094)),
    text("trunks"),
    boolean("firewall"),
    boolean("link_down"),
];

const TEXTS: [&str; 24] = [
    "affinity",
    "agent",
    "args",
    "audio0",
    "bios",
    "boot",
    "cicustom",
    "cipassword",
    "citype",
    "ciuser",
    "cpu",
    "description",
    "efidisk0",
    "hotplug",
    "keyboard",
    "machine",
    "parent",
    "rng0",
    "scsihw",
    "smbios1",
    "tpmstate0",
    "vga",
    "vmgenid",
    "watchdog",
];
const NUMBERED: [(&str, u32); 5] =
    [("ipconfig", 32), ("serial", 4), ("unused", 256), ("hostpci", 16), ("usb", 14)];
const BOOLEANS: [&str; 10] = [
    "acpi",
    "autostart",
    "ciupgrade",
    "kvm",
    "localtime",
    "numa",
    "onboot",
    "protection",
    "tablet",
    "template",
];

/// Returns the keys of a configuration.
pub(crate) fn keys() -> Vec<Prop> {
    let mut props = vec![
        Prop { format: Format::Is(formats::dns_name), ..text("name") },
        Prop { format: Format::Parts(&MEMORY), ..text("memory") },
        integer("cores", 1, None),
        integer("sockets", 1, None),
        integer("vcpus", 1, None),
        integer("balloon", 0, None),
        integer("cpuunits", 1, Some(262_144)),
        Prop { range: (Some(0), Some(128)), ..prop("cpulimit", Kind::Number) },
        Prop { format: Format::Is(formats::startup), ..text("startup") },
        Prop { format: Format::Each(formats::tag), ..text("tags") },
        Prop { format: Format::Each(formats::dns_name), ..text("searchdomain") },
        Prop { format: Format::Each(formats::ip_with_interface), ..text("nameserver") },
        Prop { format: Format::Is(formats::volume_id), ..text("hookscript") },
        Prop { count: 32, format: Format::Parts(&NET), ..text("net") },
        Prop { one_of: &OS_TYPES, ..text("ostype") },
        Prop { one_of: &LOCKS, ..text("lock") },
        text("sshkeys"),
    ];
    props.extend(TEXTS.map(text));
    props.extend(BOOLEANS.map(boolean));
    props.extend(NUMBERED.map(|(name, count)| Prop { count, ..text(name) }));
    props.extend(KINDS.map(|(name, count)| Prop {
        count,
        format: Format::Parts(&DRIVE),
        ..text(name)
    }));
    props
}

const OS_TYPES: [&str; 12] = [
    "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26",
];
const LOCKS: [&str; 9] = [
    "backup",
    "clone",
    "create",
    "migrate",
    "rollback",
    "snapshot",
    "snapshot-delete",
    "suspending",
    "suspended",
];

/// Returns the options of `create`.
pub(super) fn create() -> Vec<Prop> {
    let mut props = keys();
    props.extend([
        VMID,
        text("storage"),
        text("pool"),
        boolean("start"),
        boolean("force"),
        text("archive"),
    ]);
    props
}

/// Returns the options of `set`.
pub(super) fn set() -> Vec<Prop> {
    let id_list = |name| Prop { format: Format::Each(formats::config_id), ..text(name) };
    let mut props = keys();
    props.extend([VMID, id_list("delete"), id_list("revert"), text("digest")]);
    props.extend([boolean("force"), boolean("skiplock")]);
    props
}

/// Writes an interface so that its model has a name: `virtio=MAC` is two things at once.
pub(crate) fn spelled_out(given: &mut Given) {
    for (key, value) in &mut given.values {
        if crate::conf::keys::numbered(key, "net").is_some() {
            *value = with_model(value);
        }
    }
}

pub(super) fn with_model(value: &str) -> String {
    let part = |part: &str| match part.split_once('=') {
        Some((model, mac)) if MODELS.contains(&model) => format!("model={model},macaddr={mac}"),
        _ => part.to_owned(),
    };
    value.split(',').map(part).collect::<Vec<_>>().join(",")
}
