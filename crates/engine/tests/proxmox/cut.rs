//! Whatever is killed, and whichever answer is lost: the next walk ends where an undisturbed one
//! would have, and nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_domain::{Fate, Goal, GuestSpec, Nic, Repair};
use phoenix_engine::Outcome;
use phoenix_fake_proxmox::{Fault, What, When};
use phoenix_testkit::guest;
use phoenix_testkit::pve::ARCHIVE;

use crate::host::{Site, site};

/// How many walks a cut one may need to arrive.
const WALKS: usize = 8;

fn nic(address: &str) -> Vec<Nic> {
    vec![Nic {
        name: Some("eth0".into()),
        bridge: "vmbr0".parse().unwrap(),
        address: address.parse().unwrap(),
        gateway: None,
        mac: Some("52:54:00:00:00:B0".parse().unwrap()),
        nameservers: Vec::new(),
    }]
}

pub(crate) fn parent() -> GuestSpec {
    let spec =
        guest(900).archive(ARCHIVE).storage("fast").disk(4).features(&["base"]).seal("ready");
    GuestSpec { nics: nic("10.0.0.100/24"), ..spec.build() }
}

fn child() -> GuestSpec {
    let spec = guest(950)
        .of(900)
        .storage("fast")
        .disk(6)
        .cores(2)
        .gpus("0")
        .volume("data", "/data", 2)
        .directory("/srv/models", "/models")
        .features(&["docker"])
        .application("app.sh")
        .option("nesting", "1");
    let mut spec = GuestSpec { nics: nic("10.0.0.150/24"), ..spec.build() };
    if let phoenix_domain::VolumeSource::Storage { storage, .. } = &mut spec.volumes[0].source {
        *storage = "bulk".parse().unwrap();
    }
    spec
}

pub(crate) const AGAIN: Goal = Goal::Repaired { by: Repair::Recreate };

/// The child, of which nothing is lost when it is made again.
pub(crate) fn expendable() -> GuestSpec {
    let mut spec = child();
    spec.health.stateless = Some(true);
    spec
}

fn template() -> GuestSpec {
    let spec = guest(901).of(900).storage("fast").disk(4).template();
    GuestSpec { nics: nic("10.0.0.101/24"), ..spec.build() }
}

pub(crate) fn fresh() -> Site {
    let site = site();
    for feature in ["base", "docker"] {
        site.pve.feature(feature);
    }
    site.pve.script("app.sh", "#!/bin/sh\nset -eu\nmkdir -p /opt\necho app > /opt/application\n");
    site
}

/// Returns all there is on a node: the configs, the volumes, what runs and what is locked.
fn all(site: &Site) -> (BTreeMap<u32, String>, BTreeSet<String>, Vec<String>) {
    let world = &site.pve.world;
    let conf = |vmid: u32| {
        let text = world.conf(vmid).unwrap().unwrap();
        // When a snapshot was taken is not what is compared, nor which disk number was free.
        let lines = text.lines().filter(|line| !line.starts_with("snaptime"));
        let text: Vec<_> = lines.map(str::to_owned).collect();
        (vmid, format!("{}\nruns: {}", text.join("\n"), world.is_running(vmid)))
    };
    let confs = world.containers().unwrap().into_iter().map(conf).collect();
    (confs, site.volumes(), world.stale_mounts())
}

/// Walks until the guest is there, past whatever was cut.
pub(crate) async fn insist(site: &Site, want: &GuestSpec, goal: Goal) {
    let mut last = None;
    for _ in 0..WALKS {
        match site.walk_to(want, goal, 0).await {
            Outcome::Arrived { .. } => return,
            outcome @ (Outcome::Halted { .. } | Outcome::Stuck { .. }) => last = Some(outcome),
        }
    }
    unreachable!("{} did not arrive: {last:?}", want.vmid);
}

/// Cuts the way of a guest to a goal at each of its commands, in this way.
async fn cut_everywhere(below: &[GuestSpec], want: &GuestSpec, goal: Goal, how: &What) {
    let whole = fresh();
    for want in below {
        whole.arrive(want).await;
    }
    let mark = whole.mark();
    insist(&whole, want, goal).await;
    let commands = whole.since(mark);
    let wanted = all(&whole);

    for (nth, command) in commands.iter().enumerate() {
        let site = fresh();
        for want in below {
            site.arrive(want).await;
        }
        let mut words = command.split(' ');
        let (program, verb) = (words.next().unwrap(), words.next().unwrap());
        // The nth command of this kind: those before it are let through by faults that do nothing.
        let before =
            commands[..nth].iter().filter(|other| other.starts_with(&format!("{program} {verb} ")));
        for _ in before {
            site.pve.fault(Fault::new(What::Slow { ms: 0 }).of(program, verb));
        }
        site.pve.fault(Fault::new(how.clone()).of(program, verb));

        insist(&site, want, goal).await;

        assert_eq!(all(&site), wanted, "{how:?} at {command}");
        let mark = site.mark();
        assert_eq!(site.arrive(want).await, 0, "{how:?} at {command}");
        assert_eq!(site.since(mark), [""; 0], "{how:?} at {command}");
    }
}

macro_rules! cuts {
    ($($name:ident $how:expr),* $(,)?) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn a_guest_out_of_an_archive() {
                cut_everywhere(&[], &parent(), Goal::Present, &$how).await;
            }

            #[tokio::test]
            async fn a_clone() {
                cut_everywhere(&[parent()], &child(), Goal::Present, &$how).await;
            }

            #[tokio::test]
            async fn a_template() {
                cut_everywhere(&[parent()], &template(), Goal::Present, &$how).await;
            }

            #[tokio::test]
            async fn a_guest_that_is_made_again() {
                cut_everywhere(&[parent(), expendable()], &expendable(), AGAIN, &$how).await;
            }
        }
    )*};
}

cuts!(
    killed_before What::KillSelf { when: When::Before },
    killed_during What::KillSelf { when: When::During },
    killed_after What::KillSelf { when: When::After },
    answer_lost What::LoseAnswer,
    failed What::Fail { exit: 255, stdout: String::new(), stderr: "it failed\n".to_owned() },
    lied What::Lie,
);

#[tokio::test]
async fn half_a_guest_is_removed_with_its_volume_and_its_mount() {
    let site = fresh();
    site.pve.fault(Fault::new(What::Half).of("pct", "create"));

    let outcome = site.walk(&parent()).await;
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    let conf = site.pve.world.conf(900).unwrap().unwrap();
    assert!(conf.contains("lock: create"), "{conf}");
    assert!(!site.volumes().is_empty());

    insist(&site, &parent(), Goal::Present).await;
    assert_eq!(site.volumes().len(), 1, "{:?}", site.volumes());
    assert!(site.pve.world.stale_mounts().is_empty());
}

#[tokio::test]
async fn half_a_clone_of_ours_frees_its_parent_and_a_lock_of_others_stays() {
    let site = fresh();
    site.arrive(&parent()).await;
    site.pve.fault(Fault::new(What::Half).of("pct", "clone"));
    site.walk(&child()).await;
    assert_eq!(site.pve.world.value(900, "lock").unwrap().as_deref(), Some("disk"));

    insist(&site, &child(), Goal::Present).await;
    assert_eq!(site.pve.world.value(900, "lock").unwrap(), None);

    let conf = site.pve.world.conf(900).unwrap().unwrap();
    site.pve.world.write_conf(900, &format!("lock: disk\n{conf}")).unwrap();
    let other = GuestSpec { vmid: guest(951).build().vmid, ..child() };
    let outcome = site.walk(&other).await;
    assert!(format!("{outcome:?}").contains("Locked"), "{outcome:?}");
    assert_eq!(site.pve.world.value(900, "lock").unwrap().as_deref(), Some("disk"));
}

#[tokio::test]
async fn what_was_there_before_a_creation_is_not_cleared_away_with_it() {
    let site = fresh();
    let gone = Goal::Absent { volumes: Fate::Kept };
    site.arrive(&parent()).await;
    insist(&site, &child(), Goal::Present).await;
    insist(&site, &child(), gone).await;
    let kept = site.volumes();
    assert!(kept.iter().any(|id| id.starts_with("bulk:")), "{kept:?}");
    site.pve.fault(Fault::new(What::Half).of("pct", "clone"));
    site.walk(&child()).await;

    insist(&site, &child(), Goal::Present).await;

    let left = site.volumes();
    assert!(kept.is_subset(&left), "{kept:?} {left:?}");
    assert_eq!(left.len(), kept.len() + 1, "its root disk and nothing else: {left:?}");
}

#[tokio::test]
async fn twenty_clones_of_one_parent_at_once_meet_no_lock() {
    let site = fresh();
    site.arrive(&parent()).await;
    let clones: Vec<_> = (0..20)
        .map(|nth| {
            let spec = guest(1000 + nth).of(900).storage("fast").disk(4).build();
            GuestSpec { nics: nic(&format!("10.0.1.{}/24", nth + 1)), ..spec }
        })
        .map(|mut spec| {
            spec.nics[0].mac = None;
            spec
        })
        .collect();

    let walks = futures_util::future::join_all(clones.iter().map(|want| site.walk(want))).await;

    for outcome in walks {
        assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    }
    assert_eq!(site.volumes().len(), 21);
}

#[tokio::test]
async fn a_lock_of_somebody_else_is_told_and_waited_for() {
    let site = fresh();
    site.arrive(&parent()).await;
    let conf = site.pve.world.conf(900).unwrap().unwrap();
    site.pve.world.write_conf(900, &format!("lock: backup\n{conf}")).unwrap();
    let mark = site.mark();
    let more = GuestSpec { cores: Some(3), ..parent() };

    let outcome = site.walk(&more).await;
    let Outcome::Stuck { err, .. } = outcome else { unreachable!("{outcome:?}") };
    assert_eq!(err.verdict(), phoenix_domain::Verdict::Wait, "{err:?}");
    assert!(format!("{err:?}").contains("backup"), "{err:?}");
    assert_eq!(site.since(mark), [""; 0], "nothing is started in vain");

    site.pve.world.write_conf(900, &conf).unwrap();
    insist(&site, &more, Goal::Present).await;
}
