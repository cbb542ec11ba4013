//! Any guest, from any start: a walk arrives, or it says whom to ask; it never tries for ever.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_domain::{
    Brings, Change, Foreseen, GuestKey, GuestSpec, Health, Impact, Inside, Kind, Made, Owner,
    Phase, Run, SeenGuest, SnapshotName, SpecDigest, Verdict, foresee,
};
use phoenix_engine::Outcome;
use phoenix_hypervisor::simulated::{Mark, SimulatedGuest, admin};
use phoenix_testkit::{guest, machine};
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::host::{Host, changes, host};

const FEATURES: [&str; 3] = ["docker", "nginx", "qdrant"];

/// How a guest is found before the first walk.
#[derive(Clone, Debug)]
struct Start {
    guest: Option<SimulatedGuest>,
    parent: SimulatedGuest,
    is_parent_there: bool,
}

/// Returns any guest with this number.
fn any_spec(vmid: u64, parent: Option<u64>, kind: Kind) -> impl Strategy<Value = GuestSpec> {
    let looks = (0..3_u32, 2..10_u64, any::<bool>(), any::<bool>());
    let seal = prop_oneof![3 => Just(0), 2 => Just(1), 2 => Just(2), 1 => Just(3)];
    let volumes = proptest::collection::btree_map(0..2_usize, 0..4_u64, 0..3);
    let inside = (
        proptest::sample::subsequence(FEATURES.to_vec(), 0..=FEATURES.len()),
        proptest::option::of(proptest::sample::select(vec!["a.sh", "b.sh"])),
    );
    let gpus = proptest::sample::select(vec!["none", "0", "0,1"]);
    let origin = any::<bool>();
    (looks, seal, volumes, inside, gpus, origin).prop_map(
        move |((cores, disk, is_odd, at_boot), seal, volumes, inside, gpus, is_clone)| {
            let mut builder = match kind {
                Kind::Container => guest(vmid),
                Kind::Machine => machine(vmid),
            };
            builder = builder.disk(disk).gpus(gpus).features(&inside.0);
            if let (Some(parent), true) = (parent, is_clone) {
                builder = builder.of(parent);
            }
            if let (Some(script), Kind::Container) = (inside.1, kind) {
                builder = builder.application(script);
            }
            if cores > 0 {
                builder = builder.cores(cores);
            }
            if is_odd {
                builder = builder.privileged().option("nesting", "1");
                builder = builder.before_features("pre").after_features("post");
            }
            if at_boot {
                builder = builder.at_boot();
            }
            builder = match seal {
                1 => builder.seal("base"),
                2 => builder.template(),
                3 => builder.template_with("base"),
                _ => builder,
            };
            volumes
                .into_iter()
                .fold(builder, |builder, (nth, size)| match (["data", "models"].get(nth), size) {
                    (None, _) => builder,
                    (Some(name), 0) => builder.directory("/srv", &format!("/{name}")),
                    (Some(name), size) => builder.volume(name, &format!("/{name}"), size),
                })
                .build()
        },
    )
}

/// Returns any state that a guest can be found in, some of it as it is wanted.
fn any_guest(want: GuestSpec) -> impl Strategy<Value = SimulatedGuest> {
    let other = any_spec(u64::from(want.vmid.number()), None, want.kind());
    let states = (
        prop_oneof![9 => Just(Owner::Phoenix), 1 => Just(Owner::Somebody)],
        prop_oneof![4 => Just(Made::Whole), 1 => Just(Made::Half)],
        proptest::sample::select(vec![Run::Stopped, Run::Running, Run::RunningStale]),
        prop_oneof![9 => Just(false), 1 => Just(true)],
    );
    let sealed = proptest::collection::btree_map(
        proptest::sample::select(vec!["base", "pre", "post", "other"]),
        0..3_u8,
        0..3,
    );
    let template = prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(2)];
    // Which parts are those of another wish, and which are as they are wanted.
    let mixed = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (Just(want), other, states, sealed, template, mixed).prop_map(
        |(want, other, (owner, made, run, is_of_other_kind), sealed, template, mixed)| {
            let pick = |is_other| if is_other { &other } else { &want };
            let contents = |which| match which {
                0 => None,
                1 => Some(want.contents()),
                _ => Some(other.contents()),
            };
            let snapshots: BTreeMap<SnapshotName, Option<SpecDigest>> = sealed
                .into_iter()
                .map(|(name, which)| (name.parse().unwrap(), contents(which)))
                .collect();
            let template = contents(template);
            let kind = match (want.kind(), is_of_other_kind) {
                (Kind::Container, false) | (Kind::Machine, true) => Kind::Container,
                (Kind::Container, true) | (Kind::Machine, false) => Kind::Machine,
            };
            let unprivileged = pick(mixed.0).container().map(|container| container.unprivileged);
            // Nothing that is a template has snapshots or runs.
            let (run, snapshots) = match &template {
                Some(_) => (Run::Stopped, BTreeMap::new()),
                None => (run, snapshots),
            };
            let seen = SeenGuest {
                owner,
                made,
                run: if made == Made::Half { Run::Stopped } else { run },
                boot: None,
                addresses: Vec::new(),
                properties: pick(mixed.1).properties(),
                unprivileged: if kind == Kind::Machine {
                    None
                } else {
                    unprivileged.or(Some(true))
                },
                root_disk: pick(mixed.2).root_disk.clone(),
                volumes: pick(mixed.3).volumes.clone(),
                snapshots,
                template,
                parent: None,
                is_protected: false,
                is_rigid: false,
                is_clean: false,
                freezes_volumes: false,
                inside: Some(Inside {
                    features: BTreeSet::from_iter(other.features.clone()),
                    outdated: BTreeSet::new(),
                    service: None,
                    application: other.application_script.clone(),
                    repaired: None,
                    agent_answers: false,
                    health: Health::Healthy,
                }),
            };
            whole(GuestKey { kind, vmid: want.vmid }, seen)
        },
    )
}

fn whole(guest: GuestKey, seen: SeenGuest) -> SimulatedGuest {
    SimulatedGuest {
        guest,
        seen,
        frozen: BTreeMap::new(),
        unused: Vec::new(),
        model_server: None,
        clean: false,
        broken: BTreeMap::new(),
        upstreams: None,
        brings: Brings::default(),
        boots: 0,
        repairs: 0,
        aside: None,
    }
}

/// Returns any guest that another can be cloned from.
fn any_parent(vmid: u64, kind: Kind) -> impl Strategy<Value = SimulatedGuest> {
    any_spec(vmid, None, kind).prop_map(move |spec| {
        let seen = SeenGuest {
            owner: Owner::Phoenix,
            made: Made::Whole,
            run: Run::Stopped,
            boot: None,
            addresses: Vec::new(),
            properties: spec.properties(),
            unprivileged: spec.container().map(|container| container.unprivileged),
            root_disk: spec.root_disk.clone(),
            volumes: spec.volumes.clone(),
            snapshots: BTreeMap::new(),
            template: Some(spec.contents()),
            parent: None,
            is_protected: false,
            is_rigid: false,
            is_clean: false,
            freezes_volumes: false,
            inside: Some(Inside {
                features: BTreeSet::from_iter(spec.features.clone()),
                outdated: BTreeSet::new(),
                service: None,
                application: spec.application_script.clone(),
                repaired: None,
                agent_answers: false,
                health: Health::Healthy,
            }),
        };
        whole(GuestKey::from(&spec), seen)
    })
}

fn any_case() -> impl Strategy<Value = (GuestSpec, Start)> {
    any::<bool>()
        .prop_map(|is_container| if is_container { Kind::Container } else { Kind::Machine })
        .prop_flat_map(|kind| (any_spec(950, Some(900), kind), any_parent(900, kind)))
        .prop_flat_map(|(want, parent)| {
            let found = prop_oneof![
                1 => Just(None),
                3 => any_guest(want.clone()).prop_map(Some),
            ];
            let start = (found, any::<bool>()).prop_map(move |(guest, is_parent_there)| Start {
                guest,
                parent: parent.clone(),
                is_parent_there,
            });
            (Just(want), start)
        })
}

/// How often a walk without any fault may ask for another one.
const PATIENCE: u32 = 2;

/// Returns the changes with an effect that are ahead.
fn planned(ahead: &[Foreseen]) -> Vec<Change> {
    ahead.iter().map(|foreseen| foreseen.change.clone()).filter(is_planned).collect()
}

/// Returns the changes with an effect that were made behind so many lines of the ledger.
fn made_since(host: &Host, lines: usize) -> Vec<Change> {
    let made = host.ledger().into_iter().skip(lines).filter(|entry| entry.mark == Mark::Done);
    made.map(|entry| entry.change).filter(is_planned).collect()
}

/// Says whether a change has an effect, and was to be foreseen: how large the disk in an image is,
/// nobody knows before.
fn is_planned(change: &Change) -> bool {
    !change.is_wait() && !matches!(change, Change::GrowRootDisk { .. })
}

async fn converges_or_refuses(want: &GuestSpec, start: &Start) -> Result<(), TestCaseError> {
    let host = host();
    let parent_comes = || admin::place(host.dir.path(), &start.parent).unwrap();
    if start.is_parent_there {
        parent_comes();
    }
    if let Some(guest) = &start.guest {
        admin::place(host.dir.path(), guest).unwrap();
    }
    for _ in 0..=PATIENCE {
        let (seen, begun) = (host.look(want).await, host.ledger().len());
        let (ahead, _) = foresee(want, &want.way(), &seen);
        for foreseen in &ahead {
            let run = foreseen.before.guest.as_ref().map_or(Run::Stopped, |guest| guest.run);
            let impact = foreseen.change.impact(run);
            prop_assert_ne!(impact, Impact::DataLoss, "{}", foreseen.change);
        }
        match host.walk(want).await {
            Outcome::Arrived { .. } => {
                // Nobody can look into a guest that stands still, or knows what a clone finds in it.
                let whole = seen.guest.as_ref().filter(|guest| guest.made == Made::Whole);
                let is_known = match whole {
                    Some(guest) => guest.inside.is_some(),
                    None => want.parent().is_none() || want.features.is_empty(),
                };
                if is_known && want.application_script.is_none() {
                    prop_assert_eq!(made_since(&host, begun), planned(&ahead));
                }
                let arrived = host.guests();
                prop_assert_eq!(host.phase(want).await, Phase::Completed);
                prop_assert_eq!(changes(&host.walk(want).await), 0);
                prop_assert_eq!(host.guests(), arrived);
                return Ok(());
            }
            Outcome::Stuck { err, .. } if err.verdict() == Verdict::Retry => parent_comes(),
            Outcome::Stuck { err, .. } => {
                let (refused, said) = (host.guests(), err.to_string());
                prop_assert!(err.advice().is_some(), "{} says not what to do", said);
                let Outcome::Stuck { err: again, .. } = host.walk(want).await else {
                    return Err(TestCaseError::fail(format!("{said} passed by itself")));
                };
                prop_assert_eq!(again.to_string(), said);
                prop_assert_eq!(host.guests(), refused);
                return Ok(());
            }
            outcome @ Outcome::Halted { .. } => {
                return Err(TestCaseError::fail(format!("{outcome:?}")));
            }
        }
    }
    let last = host.walk(want).await;
    Err(TestCaseError::fail(format!("it would be tried for ever: {last:?}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_guest_from_any_start_arrives_or_is_refused((want, start) in any_case()) {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(converges_or_refuses(&want, &start))?;
    }
}
