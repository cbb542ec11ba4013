//! From any config to any other: what is done was foretold, no volume goes, and then nothing is
//! left to do.

use std::collections::BTreeSet;

use phoenix_domain::{
    AppArmor, Body, Boot, Disk, Firewall, FirewallAction, FirewallRule, GibiBytes, Goal, GuestSpec,
    IdMap, MebiBytes, Nic, RawLine, Seen, TrafficDirection, Volume, VolumeSource,
};
use phoenix_engine::Outcome;
use phoenix_testkit::guest;
use phoenix_testkit::pve::ARCHIVE;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::host::{Site, site};

fn any_nic(nth: usize) -> impl Strategy<Value = Nic> {
    let address = select(vec!["dhcp", "10.0.0.150/24", "10.0.0.151/24", "fd00::5/64"]);
    let servers = subsequence(vec!["10.0.0.2", "10.0.0.3"], 0..=2);
    (select(vec!["vmbr0", "vmbr1"]), address, any::<bool>(), any::<bool>(), servers).prop_map(
        move |(bridge, address, has_gateway, has_mac, servers)| Nic {
            name: Some(format!("eth{nth}").into()),
            bridge: bridge.parse().unwrap(),
            address: address.parse().unwrap(),
            gateway: (has_gateway && address.starts_with("10."))
                .then(|| "10.0.0.1".parse().unwrap()),
            mac: has_mac.then(|| format!("52:54:00:00:00:B{nth}").parse().unwrap()),
            nameservers: servers.into_iter().map(|server| server.parse().unwrap()).collect(),
        },
    )
}

fn any_volume(place: &'static str) -> impl Strategy<Value = Option<Volume>> {
    let at = move |source| Some(Volume { source, place: place.parse().unwrap() });
    let stored = (select(vec!["fast", "bulk"]), 1u64..4).prop_map(move |(storage, size)| {
        at(VolumeSource::Storage {
            name: place.trim_start_matches('/').parse().unwrap(),
            storage: storage.parse().unwrap(),
            size: GibiBytes(size),
        })
    });
    // A directory has one owner, wherever it is mounted.
    let bound = select(vec![("/srv/one", Some(0)), ("/srv/two", Some(1000)), ("/srv/three", None)])
        .prop_map(move |(path, owner)| {
            at(VolumeSource::Host { path: path.parse().unwrap(), owner, group: None })
        });
    prop_oneof![Just(None), stored, bound]
}

fn any_firewall() -> impl Strategy<Value = Firewall> {
    let rule =
        (select(vec!["8000", "6333"]), any::<bool>()).prop_map(|(port, is_in)| FirewallRule {
            direction: if is_in { TrafficDirection::In } else { TrafficDirection::Out },
            action: FirewallAction::Accept,
            source: Some("10.0.0.153".into()),
            dest: None,
            proto: Some("tcp".into()),
            port: Some(port.into()),
            iface: None,
            comment: Some("one, two".into()),
        });
    (any::<bool>(), proptest::collection::vec(rule, 0..3))
        .prop_map(|(enabled, rules)| Firewall { enabled, rules })
}

fn raw_lines() -> Vec<RawLine> {
    let line = |key: &str, value: &str| RawLine { key: key.into(), value: value.into() };
    vec![
        line("lxc.mount.entry", "/dev/fuse dev/fuse none bind,create=file 0 0"),
        line("lxc.cap.drop", "sys_rawio,sys_time"),
        line("lxc.cgroup2.devices.allow", "c 10:200 rwm"),
        line("lxc.apparmor.profile", "unconfined"),
    ]
}

fn any_options() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    subsequence(
        vec![("nesting", "1"), ("keyctl", "1"), ("fuse", "1"), ("mount", "nfs;cifs")],
        0..=4,
    )
}

fn any_spec() -> impl Strategy<Value = GuestSpec> {
    let sizes = (
        proptest::option::of(1u32..4),
        select(vec![512u64, 1024, 2048]),
        proptest::option::of(select(vec![0u64, 512, 1024])),
        select(vec![4u64, 5, 6]),
    );
    let nics = prop_oneof![
        Just(Vec::new()).boxed(),
        any_nic(0).prop_map(|nic| vec![nic]).boxed(),
        (any_nic(0), any_nic(1)).prop_map(|(a, b)| vec![a, b]).boxed(),
    ];
    let boot = (any::<bool>(), proptest::option::of(0u32..3), proptest::option::of(0u32..3))
        .prop_map(|(at_boot, order, delay)| Boot { at_boot, order, delay });
    let confined = (
        select(vec![AppArmor::Generated, AppArmor::Unconfined]),
        any::<bool>(),
        subsequence(raw_lines(), 0..=4),
        any::<bool>(),
    );
    let volumes = (any_volume("/a"), any_volume("/b"), any_volume("/c"), any::<bool>());
    let rest = (select(vec!["none", "0", "1", "0,1"]), any_firewall(), any_options());
    let names = select(vec!["one", "two"]);
    (sizes, nics, boot, confined, volumes, rest, names).prop_map(
        |(sizes, nics, boot, confined, volumes, (gpus, firewall, options), name)| {
            let (cores, memory, swap, disk) = sizes;
            let (profile, nesting, lines, is_mapped) = confined;
            let (a, b, c, is_reversed) = volumes;
            let mut volumes: Vec<_> = [a, b, c].into_iter().flatten().collect();
            if is_reversed {
                volumes.reverse();
            }
            let mut spec = guest(950).archive(ARCHIVE).name(name).gpus(gpus).build();
            spec.root_disk = Disk { storage: "fast".parse().unwrap(), size: GibiBytes(disk) };
            (spec.cores, spec.memory, spec.nics, spec.boot) =
                (cores, MebiBytes(memory), nics, boot);
            (spec.volumes, spec.firewall) = (volumes, firewall);
            if let Body::Container(container) = &mut spec.body {
                container.swap = swap.map(MebiBytes);
                let text = |(key, value): (&str, &str)| (key.into(), value.into());
                container.options = options.into_iter().map(text).collect();
                (container.apparmor, container.apparmor_nesting) = (profile, nesting);
                container.raw_lines = lines;
                let map = |group| IdMap { group, inside: 0, outside: 100_000, count: 65536 };
                container.id_maps =
                    if is_mapped { vec![map(false), map(true)] } else { Vec::new() };
            }
            spec
        },
    )
}

/// Goes from what is to what is wanted, and says whether it got there.
async fn go(site: &Site, want: &GuestSpec) -> bool {
    let (before, volumes) = (site.mark(), site.volumes());
    let foretold = site.foretell(want, Goal::Present).await;
    assert_eq!(site.since(before), [""; 0], "looking and planning start nothing");

    let outcome = site.walk(want).await;

    let done = site.since(before);
    for command in &done {
        // What a health check needs is in the plan as what it is for.
        assert!(
            foretold.commands.contains(command) || command.starts_with("pvesm status"),
            "{command}\nwas not in the plan {:#?}",
            foretold.commands
        );
    }
    let unique: BTreeSet<_> = done.iter().collect();
    assert_eq!(unique.len(), done.len(), "nothing is done twice: {done:#?}");
    let left = site.volumes();
    assert!(volumes.is_subset(&left), "{volumes:?} became {left:?}");
    if let Some(refusal) = foretold.refusal {
        assert!(matches!(outcome, Outcome::Stuck { .. }), "{refusal}: {outcome:?}");
        assert_eq!(done, [""; 0], "{refusal}");
        return false;
    }
    let Outcome::Arrived { changes, .. } = outcome else { unreachable!("{outcome:?}") };
    assert_eq!(usize::try_from(changes).unwrap(), foretold.changes.len(), "{:?}", foretold.changes);

    let again = site.foretell(want, Goal::Present).await;
    assert!(again.changes.is_empty() && again.refusal.is_none(), "{:#?}", again.changes);
    true
}

/// Makes every disk at least as large as it is.
fn enlarge(want: &mut GuestSpec, seen: &Seen) {
    let mounted = seen.guest.iter().flat_map(|guest| &guest.volumes).chain(&seen.kept);
    let mounted: Vec<_> = mounted.collect();
    for volume in &mut want.volumes {
        let VolumeSource::Storage { name, storage, size } = &mut volume.source else { continue };
        for had in &mounted {
            if let VolumeSource::Storage { name: its, storage: on, size: old } = &had.source
                && on == storage
                && (had.place == volume.place || its == name)
            {
                *size = (*size).max(*old);
            }
        }
    }
    let disk = seen.guest.as_ref().map(|guest| guest.root_disk.size);
    want.root_disk.size = want.root_disk.size.max(disk.unwrap_or(GibiBytes(0)));
}

async fn walk_through(seed: u64, pairs: usize) {
    let site = site();
    site.pve.world.add_bridge("vmbr1").unwrap();
    let config = ProptestConfig { rng_seed: RngSeed::Fixed(seed), ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let specs = any_spec();
    let mut arrived = 0;
    for nth in 0..pairs {
        let mut want = specs.new_tree(&mut runner).unwrap().current();
        // Disks only grow, so that soon nothing but refusals would be left.
        if nth % 10 != 9 {
            let there = site.look(&want).await;
            enlarge(&mut want, &there);
        }
        arrived += usize::from(go(&site, &want).await);
    }
    assert!(arrived > pairs / 2, "of {pairs} pairs only {arrived} could be gone");
}

/// Several tests, so that several cores can be at it; each has its own node and its own way.
macro_rules! ways {
    ($($name:ident $seed:literal),*) => {$(
        #[tokio::test]
        async fn $name() {
            walk_through($seed, PAIRS).await;
        }
    )*};
}
/// How many pairs each way has: all ways together are ten thousand.
const PAIRS: usize = 500;
ways!(
    way_1 1, way_2 2, way_3 3, way_4 4, way_5 5, way_6 6, way_7 7, way_8 8, way_9 9, way_10 10,
    way_11 11, way_12 12, way_13 13, way_14 14, way_15 15, way_16 16, way_17 17, way_18 18,
    way_19 19, way_20 20
);
