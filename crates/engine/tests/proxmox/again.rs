//! What becomes of a container of Proxmox that is set aside, and of its disks.

use phoenix_domain::Goal;
use phoenix_engine::Outcome;
use phoenix_fake_proxmox::{Fault, What};

use crate::cut::{AGAIN, expendable, fresh, insist, parent};
use crate::host::Site;

/// Returns what the configs on a node say of the root disks and the volume of the child.
fn disks(site: &Site) -> Vec<(u32, String)> {
    let world = &site.pve.world;
    let keys = ["rootfs", "mp0", "mp1"];
    let of = |vmid: u32| {
        let value = move |key: &str| world.value(vmid, key).unwrap();
        keys.into_iter().filter_map(value).map(move |value| (vmid, value)).collect::<Vec<_>>()
    };
    world.containers().unwrap().into_iter().filter(|vmid| *vmid != 900).flat_map(of).collect()
}

#[tokio::test]
async fn a_guest_that_was_set_aside_and_has_its_number_still_leaves_it_with_the_next_walk() {
    let site = fresh();
    site.arrive(&parent()).await;
    site.arrive(&expendable()).await;
    let old = site.pve.world.value(950, "rootfs").unwrap().unwrap();
    // Whoever holds this is killed right after the config says that the guest is set aside.
    let lock = site.pve.node().root.join("run/lock/lxc/pve-config-950000.lock");
    std::fs::create_dir_all(&lock).unwrap();
    let outcome = site.walk_to(&expendable(), AGAIN, 0).await;
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    assert!(site.pve.world.conf(950).unwrap().unwrap().contains("Set aside by Phoenix"));
    assert!(site.pve.world.conf(950_000).unwrap().is_none());
    let seen = site.look(&expendable()).await;
    assert_eq!(seen.guest, None, "nobody has the number");
    std::fs::remove_dir(&lock).unwrap();

    // Somebody changed their mind: it is to be there, whoever asked for it to be made again.
    insist(&site, &expendable(), Goal::Present).await;

    let now = disks(&site);
    assert!(now.contains(&(950_000, old.clone())), "{old}: {now:?}");
    assert_eq!(now.len(), 4, "two root disks, a volume and a directory: {now:?}");
    assert_eq!(site.look(&expendable()).await.aside.len(), 1);
    assert_eq!(site.arrive(&expendable()).await, 0);
}

#[tokio::test]
async fn the_config_of_a_guest_that_was_set_aside_says_all_that_a_person_needs() {
    let site = fresh();
    site.arrive(&parent()).await;
    site.arrive(&expendable()).await;
    let guarded = site.pve.world.conf(950).unwrap().unwrap();
    site.pve.world.write_conf(950, &format!("#a note of mine\n{guarded}")).unwrap();

    insist(&site, &expendable(), AGAIN).await;

    let conf = site.pve.world.conf(950_000).unwrap().unwrap();
    let said: Vec<_> = conf
        .lines()
        .filter(|line| {
            ["#", "tags", "onboot", "rootfs", "mp", "unused"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .collect();
    assert_eq!(
        said,
        [
            "#a note of mine",
            "#Set aside by Phoenix, cell home, guest 950, run r-foretold, at 1970-01-01T00%3A00%3A00Z",
            "#`pct destroy` leaves its root disk; `pvesm free fast%3Asubvol-950-disk-0` removes it",
            "onboot: 0",
            "rootfs: fast:subvol-950-disk-0,size=6G",
            "tags: quarantine",
        ]
    );
    let commands = site.foretell(&expendable(), AGAIN).await;
    assert!(commands.changes.is_empty(), "{:?}", commands.changes);
}

#[tokio::test]
async fn what_is_left_of_a_creation_is_cleared_away_and_the_old_root_disk_is_not() {
    let site = fresh();
    site.arrive(&parent()).await;
    site.arrive(&expendable()).await;
    let before = site.volumes();
    site.pve.fault(Fault::new(What::Half).of("pct", "clone"));
    site.walk_to(&expendable(), AGAIN, 0).await;
    // As if all there is was made since: only its config tells it from what the creation has left.
    let note = site.pve.node().state_dir.join("proxmox/making/950.json");
    let begun = std::fs::read_to_string(&note).unwrap();
    let (_, rest) = begun.split_once(',').unwrap();
    std::fs::write(&note, format!("{{\"since\":0,{rest}")).unwrap();

    insist(&site, &expendable(), AGAIN).await;

    let after = site.volumes();
    assert!(before.is_subset(&after), "{before:?} {after:?}");
    assert_eq!(after.len(), before.len() + 1, "one more root disk: {after:?}");
}

#[tokio::test]
async fn what_would_be_two_guests_at_once_is_told_before_anything_is_touched() {
    let site = fresh();
    site.arrive(&parent()).await;
    site.arrive(&expendable()).await;
    let conf = site.pve.world.conf(950).unwrap().unwrap();
    let ha = site.pve.node().root.join("etc/pve/ha/resources.cfg");
    let with_snapshot = format!("{conf}\n[mine]\nmp0: bulk:subvol-950-disk-0,mp=/data,size=2G\n");
    let with_pending = format!("{conf}\n[pve:pending]\ndelete: mp0\n");
    for (text, is_kept, why) in [
        (with_snapshot, false, "pct delsnapshot 950 mine"),
        (with_pending, false, "phoenix restart 950"),
        (conf, true, "ha-manager remove ct:950"),
    ] {
        site.pve.world.write_conf(950, &text).unwrap();
        if is_kept {
            std::fs::create_dir_all(ha.parent().unwrap()).unwrap();
            std::fs::write(&ha, "ct: 950\n\tstate started\n").unwrap();
        }
        let mark = site.mark();

        let outcome = site.walk_to(&expendable(), AGAIN, 0).await;

        let Outcome::Stuck { err, .. } = outcome else { unreachable!("{outcome:?}") };
        assert!(format!("{err:?}").contains(why), "{err:?}");
        assert_eq!(site.since(mark), [""; 0]);
        assert_eq!(site.pve.world.conf(950).unwrap().unwrap(), text);
    }
}
