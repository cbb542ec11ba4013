//! What counts only after a reboot is waited for, and seen once it counts.

use phoenix_config::HostSpec;
use phoenix_setup::{Ended, Given};

use crate::machine::{Machine, all_right};

fn spec() -> HostSpec {
    HostSpec { iommu: true, ..HostSpec::default() }
}

fn waits_for(machine: &Machine) -> String {
    let ended = machine.set_up(&spec(), &Given::default());
    match ended.into_iter().find(|(name, _)| name.is("iommu")).unwrap().1 {
        Ended::Reboot { why, .. } => why,
        end @ (Ended::Same
        | Ended::Changed(_)
        | Ended::Partly { .. }
        | Ended::Blocked(_)
        | Ended::Failed(_)) => {
            panic!("it waits for nothing: {end:?}")
        }
    }
}

#[test]
fn the_iommu_is_asked_for_where_grub_starts_the_kernel() {
    let machine = Machine::new();
    machine.write("/proc/cpuinfo", "vendor_id : GenuineIntel\n");
    machine.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1\n");

    let why = waits_for(&machine);

    assert_eq!(why, "the kernel was started without intel_iommu=on iommu=pt");
    let grub = machine.read("/etc/default/grub.d/phoenix-iommu.cfg");
    assert!(grub.contains("$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on iommu=pt\""), "{grub}");
    assert!(machine.calls().contains(&"update-grub".to_owned()));

    // The reboot.
    machine.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 intel_iommu=on iommu=pt\n");
    all_right(&machine.set_up(&spec(), &Given::default()));
    assert_eq!(machine.changes(&spec(), &Given::default()), Vec::<String>::new());
}

#[test]
fn the_iommu_is_asked_for_where_proxmox_starts_the_kernel_by_itself() {
    let machine = Machine::new();
    machine.write("/proc/cpuinfo", "vendor_id : AuthenticAMD\n");
    machine.write("/proc/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");
    machine.write("/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n");

    assert_eq!(waits_for(&machine), "the kernel was started without iommu=pt");

    let line = "root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt\n";
    assert_eq!(machine.read("/etc/kernel/cmdline"), line);
    assert!(machine.calls().contains(&"proxmox-boot-tool refresh".to_owned()));
    assert!(!machine.at("/etc/default/grub.d/phoenix-iommu.cfg").exists());
}
