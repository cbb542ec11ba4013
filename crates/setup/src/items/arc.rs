//! What ZFS may keep in memory, now and after a reboot.

use std::fmt::Write as _;

use phoenix_config::HostSpec;
use phoenix_domain::GibiBytes;

use crate::change::Run;
use crate::host::{Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};
use crate::state::digest;

/// The installer of Proxmox writes this one, and of two files the later would win.
const FILE: &str = "/etc/modprobe.d/zfs.conf";
const FOLDER: &str = "/etc/modprobe.d";
const NOW: &str = "/sys/module/zfs/parameters/zfs_arc_max";
const OPTION: &str = "zfs_arc_max";

pub(super) struct Arc(u64);

impl Arc {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        spec.arc_max.map(|GibiBytes(gibibytes)| Self(gibibytes << 30))
    }
}

impl Item for Arc {
    fn name(&self) -> &'static str {
        "arc"
    }

    fn about(&self) -> &'static str {
        "the memory that ZFS may use as its cache"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        for name in host.names(FOLDER)? {
            let path = format!("{FOLDER}/{name}");
            let text = host.text(&path)?.unwrap_or_default();
            if path != FILE && path.rsplit('.').next() == Some("conf") && sets(&text) {
                let advice = format!("take `{OPTION}` out of it: setup writes it into {FILE}");
                return Err(Refusal::new(path, format!("it sets `{OPTION}` too"), advice));
            }
        }
        let was = host.text(FILE)?.unwrap_or_default();
        let text = with_option(&was, self.0);
        let why = "the limit holds after a reboot";
        let wanted = Wanted { path: FILE, text: text.clone(), mode: 0o644, check: &[], why };
        let file = host.want(wanted)?;
        let now = host.want_kernel(NOW, &self.0.to_string(), "and from now on")?;
        let mut look = Look::of(file.into_iter().chain(now).collect());
        // With the root file system on ZFS the module is loaded before that file can be read.
        if host.has("update-initramfs") {
            let run = Run::of(["update-initramfs", "-u", "-k", "all"]);
            let run = run.within(std::time::Duration::from_mins(15));
            look = look.settled_by(digest([text]), vec![run]);
        }
        let memory = host.text("/proc/meminfo")?.as_deref().and_then(memory);
        if let Some(memory) = memory.filter(|memory| *memory < self.0.saturating_mul(2)) {
            let remark = format!(
                "the host has {} GiB of memory, and ZFS may use {} of it",
                memory >> 30,
                self.0 >> 30
            );
            look.remarks.push(remark);
        }
        Ok(look)
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let loaded =
            host.line(NOW).map(|now| now.is_none().then(|| "ZFS is not loaded".to_owned()));
        vec![Check::of("ZFS is loaded", loaded)]
    }
}

fn sets(text: &str) -> bool {
    text.lines().any(|line| is_ours(line) && line.contains(OPTION))
}

fn is_ours(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("options") && words.next() == Some("zfs")
}

/// Returns the options of the module with the limit, and all others as they were.
fn with_option(was: &str, bytes: u64) -> String {
    let option = format!("{OPTION}={bytes}");
    if was
        .lines()
        .filter(|line| is_ours(line))
        .any(|line| line.split_whitespace().any(|word| word == option))
        && was.matches(OPTION).count() == 1
    {
        return was.to_owned();
    }
    let mut text = String::new();
    for line in was.lines() {
        if !(is_ours(line) && line.contains(OPTION)) {
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let words = line.split_whitespace().filter(|word| !word.starts_with(&format!("{OPTION}=")));
        let words: Vec<_> = words.collect();
        // Nothing but the limit stood in it.
        if words.len() > 2 {
            text.push_str(&words.join(" "));
            text.push('\n');
        }
    }
    // A String takes everything that is written to it.
    let _written = writeln!(text, "options zfs {option}");
    text
}

/// Returns how much memory the kernel says there is.
fn memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_options_of_the_module_stay() {
        let was = "# by the installer\noptions zfs zfs_arc_max=1 zfs_arc_min=0\noptions zfs zfs_arc_max=2\n";

        let text = with_option(was, 1024);

        assert_eq!(
            text,
            "# by the installer\noptions zfs zfs_arc_min=0\noptions zfs zfs_arc_max=1024\n"
        );
        assert_eq!(with_option(&text, 1024), text);
    }

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        assert_eq!(memory("MemTotal:       1024 kB\nMemFree: 1 kB\n"), Some(1 << 20));
    }
}
