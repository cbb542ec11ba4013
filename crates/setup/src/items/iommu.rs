//! The IOMMU of the host, only when it is asked for.

use phoenix_config::HostSpec;

use crate::change::Run;
use crate::host::{Host, Wanted};
use crate::item::{Item, Look, Refusal};
use crate::state::digest;

/// Where Proxmox has the command line of the kernel when systemd-boot starts it.
const CMDLINE: &str = "/etc/kernel/cmdline";
/// Where GRUB has it; it reads all files of this folder.
const GRUB: &str = "/etc/default/grub.d/phoenix-iommu.cfg";
const MODULES: &str = "/etc/modules-load.d/phoenix-vfio.conf";

pub(super) struct Iommu;

impl Iommu {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        spec.iommu.then_some(Self)
    }
}

impl Item for Iommu {
    fn name(&self) -> &'static str {
        "iommu"
    }

    fn about(&self) -> &'static str {
        "devices can be passed to machines"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let cpus = host.text("/proc/cpuinfo")?.unwrap_or_default();
        // AMD's is on by itself; the other asks for a word.
        let needed: &[&str] = if cpus.contains("GenuineIntel") {
            &["intel_iommu=on", "iommu=pt"]
        } else {
            &["iommu=pt"]
        };
        let why = "the kernel is to be started with it";
        let mut texts = Vec::new();
        let mut changes = Vec::new();
        let refresh = if let Some(was) = host.text(CMDLINE)? {
            let text = with_words(&was, needed);
            texts.push(text.clone());
            changes.extend(host.want(Wanted {
                path: CMDLINE,
                text,
                mode: 0o644,
                check: &[],
                why,
            })?);
            ["proxmox-boot-tool", "refresh"].as_slice()
        } else {
            let text = format!(
                "# Written by phoenix setup.\nGRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {}\"\n",
                needed.join(" ")
            );
            texts.push(text.clone());
            changes.extend(host.want(Wanted { path: GRUB, text, mode: 0o644, check: &[], why })?);
            ["update-grub"].as_slice()
        };
        // No device is taken from the host here, and no driver is kept from it.
        let text = "# Written by phoenix setup.\nvfio\nvfio_iommu_type1\nvfio_pci\n".to_owned();
        let why = "what passes devices on is loaded at boot";
        changes.extend(host.want(Wanted { path: MODULES, text, mode: 0o644, check: &[], why })?);
        let running = host.text("/proc/cmdline")?.unwrap_or_default();
        let missing: Vec<_> = needed
            .iter()
            .filter(|word| !running.split_whitespace().any(|found| found == **word))
            .copied()
            .collect();
        let mut look =
            Look::of(changes).settled_by(digest(texts), vec![Run::of(refresh.iter().copied())]);
        look.reboot = (!missing.is_empty())
            .then(|| format!("the kernel was started without {}", missing.join(" ")));
        Ok(look)
    }
}

/// Returns a command line of the kernel that has these words; it is one line.
fn with_words(was: &str, needed: &[&str]) -> String {
    let mut words: Vec<_> = was.split_whitespace().collect();
    let missing: Vec<_> = needed.iter().filter(|word| !words.contains(*word)).copied().collect();
    if missing.is_empty() {
        return was.to_owned();
    }
    words.extend(missing);
    format!("{}\n", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_stays_as_it_is_but_for_what_it_lacks() {
        let was = "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n";

        let text = with_words(was, &["intel_iommu=on", "iommu=pt"]);

        assert_eq!(text, "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on iommu=pt\n");
        assert_eq!(with_words(&text, &["intel_iommu=on", "iommu=pt"]), text);
    }
}
