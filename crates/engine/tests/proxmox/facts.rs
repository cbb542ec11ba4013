//! What of a node is not well that guests stand on: told every few seconds, and without a process.

use std::fs;

use phoenix_domain::health::Facts;
use phoenix_domain::{GpuSet, GuestKey};
use phoenix_hypervisor::Hypervisor;
use phoenix_testkit::guest;
use phoenix_testkit::pve::ARCHIVE;

use crate::host::site;

#[tokio::test]
async fn what_guests_stand_on_and_who_holds_them_is_told_without_a_process() {
    let site = site();
    let mut want = guest(950).archive(ARCHIVE).storage("fast").nic("vmbr0").build();
    want.gpus = "1".parse::<GpuSet>().unwrap();
    site.arrive(&want).await;
    // Of what no guest of ours stands on nothing is said.
    site.pve.pct(&["create", "120", "local:vztmpl/tiny.tar", "--rootfs", "bulk:4"]);
    let mark = site.pve.mark();
    assert_eq!(site.host.facts().await.unwrap(), Facts::default());

    let world = &site.pve.world;
    fs::write(world.at("/sys/class/net/vmbr0/flags"), "0x1002\n").unwrap();
    fs::remove_dir_all(world.at("/proc/driver/nvidia/gpus/0000:01:00.0")).unwrap();
    let conf = world.at("/etc/pve/lxc/950.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, format!("lock: backup\n{text}")).unwrap();

    let facts = site.host.facts().await.unwrap();

    let wanted = Facts {
        broken_gpus: vec![1],
        broken_bridges: vec!["vmbr0".parse().unwrap()],
        broken_storages: Vec::new(),
        busy: vec![GuestKey::from(&want)],
    };
    assert_eq!(facts, wanted);
    assert!(site.pve.commands(mark).is_empty(), "{:?}", site.pve.commands(mark));
}

#[tokio::test]
async fn a_storage_that_is_not_mounted_is_not_there_whatever_lies_in_its_folder() {
    let site = site();
    let world = &site.pve.world;
    let config = world.at("/etc/pve/storage.cfg");
    let more = "\ndir: usb\n\tpath /mnt/usb\n\tcontent rootdir\n\tis_mountpoint yes\n";
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}{more}")).unwrap();
    fs::create_dir_all(world.at("/mnt/usb")).unwrap();
    let want = guest(950).archive(ARCHIVE).storage("fast").build();
    site.arrive(&want).await;
    let conf = world.at("/etc/pve/lxc/950.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, format!("mp0: usb:950/vm-950-disk-0.raw,mp=/usb\n{text}")).unwrap();
    let broken = async || {
        let storages = site.host.facts().await.unwrap().broken_storages;
        storages.iter().map(ToString::to_string).collect::<Vec<_>>()
    };

    assert_eq!(broken().await, ["usb"]);
    fs::write(world.at("/proc/mounts"), "/dev/sdb1 /mnt/usb ext4 rw 0 0\n").unwrap();
    assert_eq!(broken().await, [""; 0]);
    fs::remove_dir_all(world.at("/mnt/usb")).unwrap();
    assert_eq!(broken().await, ["usb"]);
}
