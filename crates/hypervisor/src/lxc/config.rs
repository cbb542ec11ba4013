//! The config of a container, as LXC reads it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phoenix_domain::{
    Address, AppArmor, GpuSet, Nic, Property, StorageId, Volume, VolumeName, VolumeSource,
};

use super::sheet::Sheet;

/// Where the ids of an unprivileged container begin on the host, and how many it has.
const IDS: &str = "0 100000 65536";
/// The time in which a limit of cores is counted, in microseconds.
const PERIOD: u32 = 100_000;

/// Where the things of one guest are.
pub(super) struct Places<'p> {
    pub(super) rootfs: &'p Path,
    /// Where a volume of a storage is.
    pub(super) volume: &'p dyn Fn(&StorageId, &VolumeName) -> PathBuf,
    /// The folder of the scripts that put an interface on a bridge, each by the bridge's name.
    pub(super) to_bridge: &'p Path,
    /// Whether the host has one control group tree for all.
    pub(super) is_unified: bool,
}

/// One limit that reaches a running container.
pub(super) struct Limit {
    /// The file of the control group.
    pub(super) key: &'static str,
    pub(super) value: String,
}

/// Returns the whole config. What reaches a running container comes last.
pub(super) fn render(sheet: &Sheet, places: &Places<'_>) -> String {
    let mut text = fixed(sheet, places);
    for Limit { key, value } in limits(&sheet.properties, places.is_unified) {
        let tree = if places.is_unified { "cgroup2" } else { "cgroup" };
        line(&mut text, &format!("lxc.{tree}.{key}"), &value);
    }
    text
}

/// Returns the part of a config that a running container was started with, and keeps.
pub(super) fn fixed(sheet: &Sheet, places: &Places<'_>) -> String {
    let mut text = String::from("# Written by Phoenix; what is changed here is put back.\n");
    line(&mut text, "lxc.include", "/usr/share/lxc/config/common.conf");
    line(&mut text, "lxc.rootfs.path", &format!("dir:{}", places.rootfs.display()));
    line(&mut text, "lxc.tty.max", "0");
    if sheet.unprivileged {
        line(&mut text, "lxc.include", "/usr/share/lxc/config/userns.conf");
        // The files stay as they are on the disk; the kernel maps who they belong to.
        line(&mut text, "lxc.rootfs.options", "idmap=container");
    }
    let mut own_maps = false;
    for property in &sheet.properties {
        match property {
            Property::Name(name) => line(&mut text, "lxc.uts.name", name.as_str()),
            Property::Nics(nics) => nics.iter().enumerate().for_each(|(nth, one)| {
                nic(&mut text, nth, one, places.to_bridge);
            }),
            Property::Gpus(gpus) => devices(&mut text, gpus, places),
            Property::Options(options) => {
                if options.get("nesting").is_some_and(|value| &**value == "1") {
                    line(&mut text, "lxc.include", "/usr/share/lxc/config/nesting.conf");
                }
            }
            Property::Confinement { profile, nesting } => {
                match profile {
                    AppArmor::Generated => line(&mut text, "lxc.apparmor.profile", "generated"),
                    AppArmor::Unconfined => line(&mut text, "lxc.apparmor.profile", "unconfined"),
                    AppArmor::Named(name) => {
                        line(&mut text, "lxc.apparmor.profile", name.as_str());
                    }
                }
                if *nesting {
                    line(&mut text, "lxc.apparmor.allow_nesting", "1");
                }
            }
            Property::RawLines(lines) => {
                for raw in lines {
                    line(&mut text, &raw.key, &raw.value);
                }
            }
            Property::IdMaps(maps) => {
                for map in maps {
                    own_maps = true;
                    let kind = if map.group { 'g' } else { 'u' };
                    let value = format!("{kind} {} {} {}", map.inside, map.outside, map.count);
                    line(&mut text, "lxc.idmap", &value);
                }
            }
            // Limits are said behind; the rest only we remember.
            Property::Cores(_)
            | Property::Memory(_)
            | Property::Swap(_)
            | Property::Boot(_)
            | Property::Firewall(_)
            | Property::User(_)
            | Property::Spec(_) => {}
        }
    }
    if sheet.unprivileged && !own_maps {
        for kind in ['u', 'g'] {
            line(&mut text, "lxc.idmap", &format!("{kind} {IDS}"));
        }
    }
    for volume in &sheet.volumes {
        let source = match &volume.source {
            VolumeSource::Storage { name, storage, .. } => (places.volume)(storage, name),
            VolumeSource::Host { path, .. } => Path::new(path.place()).to_owned(),
            VolumeSource::Nfs { .. } => continue,
        };
        mount(&mut text, &source, volume, sheet.unprivileged);
    }
    text
}

/// Returns the limits of a container.
pub(super) fn limits(properties: &[Property], is_unified: bool) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut limit = |key, value| limits.push(Limit { key, value });
    for property in properties {
        match property {
            Property::Cores(cores) if is_unified => {
                let quota = cores.map_or("max".to_owned(), |cores| (cores * PERIOD).to_string());
                limit("cpu.max", format!("{quota} {PERIOD}"));
            }
            Property::Cores(cores) => {
                let quota = cores.map_or("-1".to_owned(), |cores| (cores * PERIOD).to_string());
                limit("cpu.cfs_quota_us", quota);
            }
            Property::Memory(memory) => {
                let key = if is_unified { "memory.max" } else { "memory.limit_in_bytes" };
                limit(key, (memory.0 * 1024 * 1024).to_string());
            }
            Property::Swap(Some(swap)) if is_unified => {
                limit("memory.swap.max", (swap.0 * 1024 * 1024).to_string());
            }
            // The older tree counts it only where the kernel was told to at boot.
            Property::Swap(_)
            | Property::Name(_)
            | Property::Nics(_)
            | Property::Boot(_)
            | Property::Gpus(_)
            | Property::Firewall(_)
            | Property::Options(_)
            | Property::Confinement { .. }
            | Property::RawLines(_)
            | Property::IdMaps(_)
            | Property::User(_)
            | Property::Spec(_) => {}
        }
    }
    limits
}

fn nic(text: &mut String, nth: usize, nic: &Nic, to_bridge: &Path) {
    let mut say = |key: &str, value: &str| line(text, &format!("lxc.net.{nth}.{key}"), value);
    say("type", "veth");
    // LXC itself would look for the bridge in the network namespace that /sys was mounted from.
    say("script.up", &to_bridge.join(nic.bridge.as_str()).display().to_string());
    say("flags", "up");
    say("name", &name_of(nth, nic));
    if let Some(mac) = &nic.mac {
        say("hwaddr", &mac.to_string());
    }
    let Address::Static(net) = nic.address else { return };
    let family = if net.addr().is_ipv4() { "ipv4" } else { "ipv6" };
    say(&format!("{family}.address"), &net.to_string());
    if let Some(gateway) = nic.gateway {
        let family = if gateway.is_ipv4() { "ipv4" } else { "ipv6" };
        say(&format!("{family}.gateway"), &gateway.to_string());
    }
}

/// Returns what an interface is called inside.
pub(super) fn name_of(nth: usize, nic: &Nic) -> String {
    nic.name.as_deref().map_or_else(|| format!("eth{nth}"), str::to_owned)
}

fn devices(text: &mut String, gpus: &GpuSet, places: &Places<'_>) {
    if gpus.indices().is_empty() {
        return;
    }
    let own = gpus.indices().iter().map(|index| format!("nvidia{index}"));
    let shared = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"].map(str::to_owned);
    for device in own.chain(shared) {
        let value = format!("/dev/{device} dev/{device} none bind,optional,create=file 0 0");
        line(text, "lxc.mount.entry", &value);
    }
    let tree = if places.is_unified { "cgroup2" } else { "cgroup" };
    // The major number of the other devices is another one after each boot.
    line(text, &format!("lxc.{tree}.devices.allow"), "c 195:* rwm");
}

fn mount(text: &mut String, source: &Path, volume: &Volume, is_mapped: bool) {
    let place = volume.place.place().trim_start_matches('/');
    let map = if is_mapped && matches!(volume.source, VolumeSource::Storage { .. }) {
        ",idmap=container"
    } else {
        ""
    };
    let (source, place) = (escaped(&source.display().to_string()), escaped(place));
    line(text, "lxc.mount.entry", &format!("{source} {place} none bind,create=dir{map} 0 0"));
}

/// Writes blanks as the table of mounts wants them.
fn escaped(path: &str) -> String {
    path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011")
}

fn line(text: &mut String, key: &str, value: &str) {
    // A String takes everything that is written to it; a value never holds a second line.
    let value = value.replace('\n', " ");
    let _written = writeln!(text, "{key} = {value}");
}
