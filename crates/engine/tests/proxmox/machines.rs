//! Virtual machines on a made-up node. What boots in them is a stand-in; what is run in it is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use phoenix_domain::{
    Body, Change, Fate, Goal, GuestSpec, Machine, Nic, Origin, Run, User, Volume, VolumeSource,
};
use phoenix_engine::Outcome;
use phoenix_fake_proxmox::{Fault, What, When};
use phoenix_testkit::machine;

use crate::host::{Site, site};

/// The image machines are made of.
const IMAGE: &str = "/srv/images/tiny.img";
/// How many walks a cut one may need to arrive.
const WALKS: usize = 12;

fn nic(address: &str, mac: Option<&str>) -> Vec<Nic> {
    vec![Nic {
        name: None,
        bridge: "vmbr0".parse().unwrap(),
        address: address.parse().unwrap(),
        gateway: None,
        mac: mac.map(|mac| mac.parse().unwrap()),
        nameservers: vec!["10.0.0.2".parse().unwrap()],
    }]
}

fn with(mut want: GuestSpec, change: impl FnOnce(&mut Machine)) -> GuestSpec {
    if let Body::Machine(machine) = &mut want.body {
        change(machine);
    }
    want
}

fn of_image() -> GuestSpec {
    let spec = machine(8000).storage("fast").disk(4).memory(2048).cores(2).features(&["base"]);
    let origin = Origin::CloudImage { image: IMAGE.into() };
    let spec = GuestSpec { origin, nics: nic("10.0.0.80/24", None), ..spec.build() };
    with(spec, |machine| {
        let ssh_key = Some(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUMuvBNPGUBhkyqoezUpUjlaUcvEYpBT8BgZ3sB9Egb op"
                .into(),
        );
        machine.user = Some(User { name: "op".into(), password_hash: None, ssh_key });
    })
}

fn template() -> GuestSpec {
    GuestSpec { seal: machine(8000).template().build().seal, ..of_image() }
}

fn clone() -> GuestSpec {
    let spec = machine(8001).of(8000).storage("fast").disk(6).memory(1024).cores(1);
    let spec = GuestSpec { nics: nic("dhcp", None), ..spec.features(&["docker"]).build() };
    with(spec, |machine| {
        machine.user = Some(User { name: "dev".into(), password_hash: None, ssh_key: None });
    })
}

fn fresh() -> Site {
    let site = site();
    site.pve.image(IMAGE);
    for feature in ["base", "docker"] {
        site.pve.feature(feature);
    }
    site
}

fn conf(site: &Site, vmid: u32) -> String {
    site.pve.machine(vmid).unwrap()
}

fn seed(site: &Site, vmid: u32, part: &str) -> serde_json::Value {
    let path = site.pve.world.volume(&format!("local:snippets/phoenix-{vmid}-{part}.yaml"));
    let path = path.unwrap().unwrap_or_else(|| {
        site.pve.world.at(&format!("/var/lib/vz/snippets/phoenix-{vmid}-{part}.yaml"))
    });
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(text.strip_prefix("#cloud-config\n").unwrap_or(&text)).unwrap()
}

fn root(site: &Site, disk: &str) -> std::path::PathBuf {
    site.pve.world.volume(disk).unwrap().unwrap().join("root")
}

#[tokio::test]
async fn a_machine_is_made_of_an_image_and_a_second_walk_starts_nothing() {
    let site = fresh();
    let mark = site.mark();

    assert!(site.arrive(&of_image()).await > 0);

    let started = site.since(mark);
    assert_eq!(
        started.iter().filter(|line| line.starts_with("qm create")).count(),
        1,
        "{started:?}"
    );
    assert!(started.len() <= 4, "{started:#?}");
    let text = conf(&site, 8000);
    for line in [
        "cores: 2",
        "memory: 2048",
        "scsihw: virtio-scsi-single",
        "serial0: socket",
        "name: guest-8000",
    ] {
        assert!(text.lines().any(|has| has == line), "{line}: {text}");
    }
    assert!(text.contains("agent: enabled=1") && text.contains("size=4G"), "{text}");
    assert_eq!(seed(&site, 8000, "user")["users"][0]["name"], "op");
    assert_eq!(seed(&site, 8000, "network")["ethernets"]["ens18"]["addresses"][0], "10.0.0.80/24");
    let root = root(&site, "fast:vm-8000-disk-0");
    assert_eq!(fs::read_to_string(root.join("etc/hostname")).unwrap(), "guest-8000\n");
    assert_eq!(fs::read_to_string(root.join("opt/installed")).unwrap(), "base\n");
    let seen = site.look(&of_image()).await.guest.unwrap();
    assert_eq!((seen.run, seen.addresses.len()), (Run::Running, 1));

    let mark = site.mark();
    assert_eq!(site.arrive(&of_image()).await, 0);
    assert!(site.foretell(&of_image(), Goal::Present).await.changes.is_empty());
    assert_eq!(site.since(mark), [""; 0]);
}

#[tokio::test]
async fn a_template_is_clean_and_its_clones_are_told_their_own() {
    let site = fresh();
    site.arrive(&template()).await;
    let text = conf(&site, 8000);
    assert!(text.contains("template: 1"), "{text}");
    let base = root(&site, "fast:base-8000-disk-0");
    assert_eq!(fs::read_to_string(base.join("etc/machine-id")).unwrap(), "");
    assert!(!base.join("var/lib/cloud/data").exists());
    let mark = site.mark();
    assert_eq!(site.arrive(&template()).await, 0);
    assert_eq!(site.since(mark), [""; 0]);

    site.arrive(&clone()).await;

    let text = conf(&site, 8001);
    assert!(text.contains("phoenix-8001-user.yaml") && !text.contains("8000-user"), "{text}");
    assert!(text.contains("size=6G") && text.contains("memory: 1024"), "{text}");
    let (one, other) = (conf(&site, 8000), text);
    let mac = |text: &str| {
        let net = text.lines().find(|line| line.starts_with("net0: ")).unwrap().to_owned();
        net.split(['=', ',']).nth(1).unwrap().to_owned()
    };
    assert_ne!(mac(&one), mac(&other));
    let seed = seed(&site, 8001, "network");
    assert_eq!(seed["ethernets"]["ens18"]["match"]["macaddress"], mac(&other).to_lowercase());
    let disk = site.volumes().into_iter().find(|id| id.contains("vm-8001-disk-0")).unwrap();
    let root = root(&site, &disk);
    assert_eq!(fs::read_to_string(root.join("etc/hostname")).unwrap(), "guest-8001\n");
    assert_eq!(fs::read_to_string(root.join("opt/installed")).unwrap(), "base\ndocker\n");
    assert_ne!(fs::read_to_string(root.join("etc/machine-id")).unwrap(), "");
    assert_eq!(site.arrive(&clone()).await, 0);
}

#[tokio::test]
async fn a_template_that_somebody_stopped_before_it_was_clean_is_cleaned_first() {
    let site = fresh();
    site.arrive(&of_image()).await;
    site.pve.qm(&["stop", "8000"]);

    let foretold = site.foretell(&template(), Goal::Present).await;
    assert!(foretold.changes.contains(&Change::CleanForTemplate), "{:?}", foretold.changes);
    site.arrive(&template()).await;

    let base = root(&site, "fast:base-8000-disk-0");
    assert_eq!(fs::read_to_string(base.join("etc/machine-id")).unwrap(), "");
}

#[tokio::test]
async fn what_was_started_after_it_was_clean_is_cleaned_again() {
    for by_us in [true, false] {
        let site = fresh();
        let refused = "it failed\n".to_owned();
        let refused = What::Fail { exit: 255, stdout: String::new(), stderr: refused };
        site.pve.fault(Fault::new(refused).of("qm", "template"));
        site.walk(&template()).await;

        if by_us {
            site.walk_to(&template(), Goal::Running, 0).await;
            site.pve.qm(&["stop", "8000"]);
        } else {
            site.pve.qm(&["start", "8000"]);
        }

        let changes = site.foretell(&template(), Goal::Present).await.changes;
        assert!(changes.contains(&Change::CleanForTemplate), "{changes:?}");
        site.arrive(&template()).await;
        let base = root(&site, "fast:base-8000-disk-0");
        assert_eq!(fs::read_to_string(base.join("etc/machine-id")).unwrap(), "");
    }
}

#[tokio::test]
async fn what_is_told_anew_takes_effect_with_the_restart_that_is_foretold() {
    let site = fresh();
    site.arrive(&of_image()).await;
    let nfs = Volume {
        source: VolumeSource::Nfs { server: "10.0.0.9".into(), path: "/export/a".parse().unwrap() },
        place: "/mnt/a".parse().unwrap(),
    };
    let changed = [
        GuestSpec { nics: nic("10.0.0.81/24", None), ..of_image() },
        with(of_image(), |machine| {
            machine.user = Some(User { name: "other".into(), password_hash: None, ssh_key: None });
        }),
        GuestSpec { volumes: vec![nfs], ..of_image() },
        GuestSpec { memory: phoenix_domain::MebiBytes(3072), ..of_image() },
        GuestSpec { name: "renamed".parse().unwrap(), ..of_image() },
        of_image(),
    ];
    for want in changed {
        let foretold = site.foretell(&want, Goal::Present).await;
        let restarts = foretold.changes.iter().filter(|change| **change == Change::Restart).count();
        assert_eq!(restarts, 1, "{:?}", foretold.changes);
        let before = site.look(&want).await.guest.unwrap().boot;

        site.arrive(&want).await;

        assert_ne!(site.look(&want).await.guest.unwrap().boot, before);
        assert_eq!(site.arrive(&want).await, 0);
    }
}

#[tokio::test]
async fn what_is_changed_by_hand_is_put_back() {
    let site = fresh();
    site.arrive(&of_image()).await;
    let volume = "/var/lib/vz/snippets/phoenix-8000-user.yaml";
    let user = site.pve.world.volume("local:snippets/phoenix-8000-user.yaml").unwrap();
    let user = user.unwrap_or_else(|| site.pve.world.at(volume));
    for by_hand in [
        vec!["set", "8000", "--memory", "777"],
        vec!["set", "8000", "--cores", "1"],
        vec!["set", "8000", "--onboot", "1"],
        vec!["set", "8000", "--net1", "virtio,bridge=vmbr0"],
        vec!["set", "8000", "--net0", "e1000,bridge=vmbr0"],
        vec!["set", "8000", "--delete", "cicustom"],
        vec!["set", "8000", "--name", "other"],
    ] {
        site.pve.qm(&by_hand);
        assert!(site.arrive(&of_image()).await > 0, "{by_hand:?}");
        assert_eq!(site.arrive(&of_image()).await, 0, "{by_hand:?}");
    }
    fs::write(&user, "#cloud-config\n{\"users\": []}").unwrap();
    assert!(site.arrive(&of_image()).await > 0);
    assert_eq!(seed(&site, 8000, "user")["users"][0]["name"], "op");
}

#[tokio::test]
async fn what_is_missing_is_told_before_anything_is_made() {
    let site = fresh();
    site.pve.holds("local", "vztmpl,iso");
    let outcome = site.walk(&of_image()).await;
    assert!(format!("{outcome:?}").contains("pvesm set local --content"), "{outcome:?}");
    site.pve.holds("local", "vztmpl,iso,snippets");
    let missing =
        GuestSpec { origin: Origin::CloudImage { image: "/no/such.img".into() }, ..of_image() };
    let outcome = site.walk(&missing).await;
    assert!(format!("{outcome:?}").contains("no such file"), "{outcome:?}");
    assert!(site.pve.machine(8000).is_none() && site.volumes().is_empty());
}

#[tokio::test]
async fn a_disk_that_others_have_attached_survives_its_machine() {
    let site = fresh();
    site.arrive(&of_image()).await;
    site.pve.qm(&["set", "8000", "--scsi1", "bulk:2"]);

    let outcome = site.walk_to(&of_image(), Goal::Absent { volumes: Fate::Kept }, 0).await;

    assert!(matches!(outcome, Outcome::Arrived { .. }), "{outcome:?}");
    assert!(site.pve.machine(8000).is_none());
    let left = site.volumes();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left.iter().all(|id| id.starts_with("bulk:")), "{left:?}");
    let snippets = fs::read_dir(site.pve.world.at("/var/lib/vz/snippets"));
    assert_eq!(snippets.map_or(0, Iterator::count), 0, "what it was told is gone");
}

/// Returns all there is on a node: the configs, the volumes, and what is in the guests.
fn all(site: &Site) -> (BTreeMap<u32, String>, BTreeSet<String>, Vec<String>) {
    let conf = |vmid: u32| {
        let text = site.pve.machine(vmid)?;
        let chance = ["snaptime", "meta", "smbios1", "vmgenid"];
        let lines = text.lines().filter(|line| !chance.iter().any(|key| line.starts_with(key)));
        Some((vmid, lines.collect::<Vec<_>>().join("\n")))
    };
    let confs: BTreeMap<_, _> = [8000, 8001].into_iter().filter_map(conf).collect();
    let volumes = site.volumes();
    let installed = volumes.iter().filter_map(|id| {
        let folder = site.pve.world.volume(id).unwrap()?;
        fs::read_to_string(folder.join("root/opt/installed")).ok()
    });
    let installed = installed.collect();
    (confs, volumes, installed)
}

async fn insist(site: &Site, want: &GuestSpec) {
    let mut last = None;
    for _ in 0..WALKS {
        match site.walk_to(want, Goal::Present, 0).await {
            Outcome::Arrived { .. } => return,
            outcome @ (Outcome::Halted { .. } | Outcome::Stuck { .. }) => last = Some(outcome),
        }
    }
    unreachable!("{} did not arrive: {last:?}", want.vmid);
}

/// Cuts the making of a machine at each of its commands, in this way.
async fn cut_everywhere(below: &[GuestSpec], want: &GuestSpec, how: &What) {
    let mac = |want: &GuestSpec| {
        let mac = Some("52:54:00:00:00:B0".parse().unwrap());
        let mut want = want.clone();
        want.nics[0].mac = mac;
        want
    };
    let want = &mac(want);
    let whole = fresh();
    for want in below {
        whole.arrive(want).await;
    }
    let mark = whole.mark();
    whole.arrive(want).await;
    let commands = whole.since(mark);
    let wanted = all(&whole);

    for (nth, command) in commands.iter().enumerate() {
        let site = fresh();
        for want in below {
            site.arrive(want).await;
        }
        let mut words = command.split(' ');
        let (program, verb) = (words.next().unwrap(), words.next().unwrap());
        let before =
            commands[..nth].iter().filter(|other| other.starts_with(&format!("{program} {verb} ")));
        for _ in before {
            site.pve.fault(Fault::new(What::Slow { ms: 0 }).of(program, verb));
        }
        site.pve.fault(Fault::new(how.clone()).of(program, verb));

        insist(&site, want).await;

        let (mut has, mut wants) = (all(&site), wanted.clone());
        // The parent's own addresses are of chance.
        if !below.is_empty() {
            has.0.remove(&8000);
            wants.0.remove(&8000);
        }
        assert_eq!(has, wants, "{how:?} at {command}");
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
            async fn a_machine_out_of_an_image() {
                cut_everywhere(&[], &of_image(), &$how).await;
            }

            #[tokio::test]
            async fn a_clone() {
                cut_everywhere(&[template()], &clone(), &$how).await;
            }

            #[tokio::test]
            async fn a_template() {
                cut_everywhere(&[], &template(), &$how).await;
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
