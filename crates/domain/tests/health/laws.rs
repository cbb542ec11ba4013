//! What holds whatever happens.

use chrono::TimeDelta;
use phoenix_domain::health::{
    Condition, Duty, Found, Hold, Maintenance, Means, Mode, Outcome, Patient, Process, Reason,
    Rung, Selector, Severity, Silence, Told, Word,
};
use proptest::prelude::*;

use crate::ward::{Scene, Service, Ward, key, neighbour, time};

/// What may happen.
#[derive(Clone, Debug)]
enum Happens {
    Wait(i64),
    Service { guest: u32, kind: usize, mended_by: Option<Rung>, relapses_after: i64 },
    Host { host: u32, is_alive: bool },
    Bridge { host: u32, is_up: bool },
    Backup { guest: u32, is_on: bool },
    Work { guest: u32, is_on: bool },
    Started { guest: u32 },
    Breaker { is_open: bool },
    Mode { guest: Option<u32>, mode: Mode },
    Maintenance { guest: u32, lasts: i64 },
    Repairs { take: i64, end: Outcome },
    Mute { guest: u32, is_mute: bool },
}

const GUESTS: u32 = 6;

fn guest() -> impl Strategy<Value = u32> {
    950..950 + GUESTS
}

fn happens() -> impl Strategy<Value = Happens> {
    let rung = prop_oneof![
        Just(None),
        Just(Some(Rung::Service)),
        Just(Some(Rung::Guest)),
        Just(Some(Rung::Application)),
    ];
    let mode = prop_oneof![
        6 => Just(Mode::On),
        1 => Just(Mode::Observe),
        1 => Just(Mode::DryRun),
        1 => Just(Mode::Off),
    ];
    let end = prop_oneof![
        4 => Just(Outcome::Done),
        1 => Just(Outcome::Failed("it is stuck".to_owned())),
        1 => Just(Outcome::Refused("it is well".to_owned())),
    ];
    let mode_of = prop_oneof![Just(None), guest().prop_map(Some)];
    prop_oneof![
        4 => (1..900_i64).prop_map(Happens::Wait),
        8 => (guest(), 0..KINDS, rung, prop_oneof![Just(0), 1..2000_i64]).prop_map(
            |(guest, kind, mended_by, relapses_after)| {
                Happens::Service { guest, kind, mended_by, relapses_after }
            }
        ),
        1 => (0..3_u32, any::<bool>()).prop_map(|(host, is_alive)| Happens::Host { host, is_alive }),
        1 => (0..3_u32, any::<bool>()).prop_map(|(host, is_up)| Happens::Bridge { host, is_up }),
        1 => (guest(), any::<bool>()).prop_map(|(guest, is_on)| Happens::Backup { guest, is_on }),
        1 => (guest(), any::<bool>()).prop_map(|(guest, is_on)| Happens::Work { guest, is_on }),
        1 => guest().prop_map(|guest| Happens::Started { guest }),
        2 => prop::bool::weighted(0.3).prop_map(|is_open| Happens::Breaker { is_open }),
        1 => (mode_of, mode).prop_map(|(guest, mode)| Happens::Mode { guest, mode }),
        1 => (guest(), 60..4000_i64)
            .prop_map(|(guest, lasts)| Happens::Maintenance { guest, lasts }),
        1 => (1..1200_i64, end).prop_map(|(take, end)| Happens::Repairs { take, end }),
        1 => (guest(), prop::bool::weighted(0.3))
            .prop_map(|(guest, is_mute)| Happens::Mute { guest, is_mute }),
    ]
}

const KINDS: usize = 14;

fn service(kind: usize) -> Service {
    let gone = |process| Service {
        process: Some(process),
        ..Service::finds(Found::Silent(Silence::Refused))
    };
    let works = |each, found| Service { work: Some((0, each, 2, 2)), ..Service::finds(found) };
    match kind {
        0 | 1 => Service::well(),
        2 => Service::failing(Reason::EngineDead),
        3 => Service::failing(Reason::AnswersError),
        4 => Service::finds(Found::Silent(Silence::TimedOut)),
        5 => Service::finds(Found::Silent(Silence::Refused)),
        6 => gone(Process::Gone),
        7 => gone(Process::GivenUp),
        8 => Service::failing(Reason::DataMissing),
        9 => Service::finds(Found::Worse(Reason::WrongModel)),
        10 => Service::finds(Found::Unasked(Reason::Unreachable)),
        11 => works(0, Found::Serving),
        12 => works(1, Found::Silent(Silence::TimedOut)),
        13 => works(1, Found::Failing(Reason::AnswersError)),
        kind => panic!("there is no service of kind {kind}"),
    }
}

/// Six guests on three hosts; the last one needs the first.
fn fleet() -> Vec<Patient> {
    let means = [Means::Stateful, Means::Stateless, Means::Expendable];
    let mut fleet: Vec<Patient> = (0..GUESTS)
        .zip(means.iter().cycle())
        .map(|(index, means)| Patient {
            means: *means,
            ..neighbour(950 + index, &format!("pve{}", index % 3))
        })
        .collect();
    fleet[5].dependencies = vec![key(950)];
    fleet
}

impl Ward {
    fn happen(&mut self, what: &Happens) {
        let host = |host: &u32| format!("pve{host}");
        match what {
            Happens::Wait(seconds) => self.run(*seconds),
            Happens::Service { guest, kind, mended_by, relapses_after } => {
                let service = service(*kind);
                let relapses_after = *relapses_after;
                self.fail(*guest, Service { mended_by: *mended_by, relapses_after, ..service });
            }
            Happens::Host { host: one, is_alive } => {
                self.hosts.get_mut(&host(one)).unwrap().is_alive = *is_alive;
            }
            Happens::Bridge { host: one, is_up } => {
                let broken = if *is_up { vec![] } else { vec!["vmbr0".parse().unwrap()] };
                self.hosts.get_mut(&host(one)).unwrap().facts.broken_bridges = broken;
            }
            Happens::Backup { guest, is_on } => {
                let on = self.patients[&key(*guest)].host.to_string();
                let busy = if *is_on { vec![key(*guest)] } else { vec![] };
                self.hosts.get_mut(&on).unwrap().facts.busy = busy;
            }
            Happens::Work { guest, is_on } => {
                let duty = if *is_on { Duty::AtWork } else { Duty::Serves };
                let patient = Patient { duty, ..self.patients[&key(*guest)].clone() };
                self.admit(patient);
            }
            Happens::Started { guest } => {
                let started = Some(time(self.second));
                let patient = Patient { started, ..self.patients[&key(*guest)].clone() };
                self.admit(patient);
            }
            Happens::Breaker { is_open } => {
                let (by, why) = ("ops".to_owned(), "because".to_owned());
                self.order(if *is_open {
                    Word::OpenBreaker { by, why }
                } else {
                    Word::CloseBreaker { by, why }
                });
            }
            Happens::Mode { guest, mode } => {
                self.order(Word::Mode { guest: guest.map(key), mode: *mode });
            }
            Happens::Maintenance { guest, lasts } => self.order(Word::Maintenance(Maintenance {
                id: format!("w{guest}").into(),
                selector: Selector::Guest(key(*guest)),
                from: time(self.second),
                to: time(self.second + lasts),
                who: "ops".to_owned(),
                why: "because".to_owned(),
                is_warned: false,
            })),
            Happens::Repairs { take, end } => {
                self.repairs_take = *take;
                self.outcome = end.clone();
            }
            Happens::Mute { guest, is_mute } => self.service(*guest).is_mute = *is_mute,
        }
        self.run(7);
    }

    /// All that people and workers are told, but for what only differs in the wording of time.
    fn story(&self) -> Vec<String> {
        let told = self.told.iter().filter_map(|(at, told)| match told {
            Told::Repair { order, .. } => Some(format!("{at} repair {order:?}")),
            Told::Opened(incident) => Some(format!("{at} opened {}", incident.id)),
            Told::Resolved(incident) => Some(format!("{at} resolved {}", incident.id)),
            Told::Turned { guest, from, to, .. } => Some(format!("{at} {guest} {from} to {to}")),
            Told::Updated(_)
            | Told::Held { .. }
            | Told::MaintenanceEnds(_)
            | Told::MaintenanceOver(_)
            | Told::Declined { .. } => None,
        });
        told.collect()
    }

    fn pages_of(&self, guest: u32) -> bool {
        self.watch.incidents().any(|incident| {
            incident.severity == Severity::Page && incident.guests.contains(&key(guest))
        })
    }
}

fn days() -> impl Strategy<Value = Vec<Happens>> {
    prop::collection::vec(happens(), 1..30)
}

fn most_within(at: &[i64], window: TimeDelta) -> usize {
    let within = |from: i64| {
        let window = from..from + window.num_seconds();
        at.iter().filter(move |at| window.contains(at))
    };
    at.iter().map(|from| within(*from).count()).max().unwrap_or(0)
}

fn obeys(scene: &Scene) {
    assert!(!scene.is_breaker_open, "the breaker is open: {scene:?}");
    assert_eq!(scene.mode, Mode::On, "{scene:?}");
    assert!(!scene.is_maintained, "in maintenance: {scene:?}");
    assert_eq!(scene.duty, Duty::Serves, "{scene:?}");
    assert!(scene.rung.is_work(), "{scene:?}");
    assert!(scene.is_ground_well, "what it stands on is not well: {scene:?}");
    assert!(scene.under_way.len() <= 2, "{scene:?}");
    let of_guest = scene.under_way.iter().filter(|guest| **guest == scene.guest);
    assert_eq!(of_guest.count(), 1, "{scene:?}");
    match scene.condition {
        Condition::Failed(_) => {}
        Condition::Degraded(reason) => assert_eq!(reason, Reason::WrongModel, "{scene:?}"),
        Condition::Starting | Condition::Healthy | Condition::Unknown(_) => {
            panic!("nothing is known to be wrong: {scene:?}")
        }
    }
    // The seconds since its services last counted something done.
    let idle = scene.moved.map_or(i64::MAX, |moved| scene.second - moved);
    assert!(idle > 10, "it works: {scene:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_day_breaks_a_guard(days in days()) {
        let mut ward = Ward::new(fleet());
        for what in &days {
            ward.happen(what);
        }
        ward.run(1800);
        for scene in &ward.scenes {
            obeys(scene);
        }
        for guest in 950..950 + GUESTS {
            let of_guest = ward.repairs().into_iter().filter(|(_, one, _)| *one == key(guest));
            let at: Vec<i64> = of_guest.map(|(at, ..)| at).collect();
            prop_assert!(most_within(&at, TimeDelta::hours(1)) <= 4);
            prop_assert!(most_within(&at, TimeDelta::hours(24)) <= 8);
            let rungs = ward.repairs().into_iter().filter(|(_, one, _)| *one == key(guest));
            for (.., rung) in rungs {
                match guest % 3 {
                    2 => prop_assert!(rung <= Rung::Guest, "it holds data: {rung}"),
                    0 => prop_assert!(rung <= Rung::Application, "{rung}"),
                    _ => {}
                }
            }
        }
        let all: Vec<i64> = ward.repairs().into_iter().map(|(at, ..)| at).collect();
        prop_assert!(most_within(&all, TimeDelta::hours(1)) <= 4 * GUESTS as usize);
    }

    #[test]
    fn no_start_and_no_blip_moves_a_call_away(
        days in prop::collection::vec((guest(), 0..4_usize, 1..60), 1..30),
    ) {
        let mut ward = Ward::new(fleet());
        ward.run(60);
        // Whom people hear of by what it stands on has all of its time again once that is well.
        let mut excused = [0; GUESTS as usize];
        for (guest, what, waits) in days {
            let out_of_sight = Found::Unasked(Reason::Unreachable);
            match what {
                0 => ward.happen(&Happens::Started { guest }),
                1 => ward.fail(guest, Service::failing(Reason::EngineDead)),
                2 => ward.service(guest).found = out_of_sight,
                _ => ward.service(guest).found = Found::Loading,
            }
            for _ in 0..waits {
                ward.run(15);
                for (guest, excused) in (950..).zip(&mut excused) {
                    if ward.is_on_broken_ground(guest) {
                        *excused = ward.second;
                    }
                    let Some(incident) = ward.incident(guest) else { continue };
                    let stands = time(ward.second) - incident.opened.max(time(*excused));
                    let is_due = stands > TimeDelta::minutes(60) + TimeDelta::seconds(15);
                    let is_well = ward.condition(guest).is_serving();
                    let is_called = is_well || ward.pages_of(guest);
                    prop_assert!(!is_due || is_called, "{guest} stands for {stands}");
                }
            }
        }
    }

    #[test]
    fn whoever_hears_everything_twice_does_the_same(days in days()) {
        let mut once = Ward::new(fleet());
        let mut twice = Ward::new(fleet());
        twice.stutters = true;
        for what in &days {
            once.happen(what);
            twice.happen(what);
        }
        prop_assert_eq!(once.story(), twice.story());
    }

    #[test]
    fn whoever_takes_over_goes_on_as_the_other_would_have(
        days in days(),
        changes in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut alone = Ward::new(fleet());
        let mut relieved = Ward::new(fleet());
        for (what, is_relieved) in days.iter().zip(changes) {
            alone.happen(what);
            relieved.happen(what);
            if is_relieved {
                relieved.hand_over();
            }
            // What a watch is told when it begins, the other hears as well.
            if is_relieved {
                alone.say_again();
            }
        }
        alone.run(1800);
        relieved.run(1800);
        prop_assert_eq!(alone.story(), relieved.story());
    }

    #[test]
    fn whatever_fails_is_well_again_in_the_end_or_calls_a_human(days in days()) {
        let mut ward = Ward::new(fleet());
        for what in &days {
            ward.happen(what);
        }
        ward.run(3 * 3600);
        for guest in 950..950 + GUESTS {
            let is_silent = ward.watch.guards().mode(&ward.patients[&key(guest)]) == Mode::Off
                || ward.patients[&key(guest)].duty == Duty::AtWork;
            // Somebody is at it: a repair that holds for long enough may be needed again and again.
            let is_young = ward.incident(guest).is_some_and(|incident| {
                time(ward.second) - incident.opened < TimeDelta::minutes(61)
            });
            // Whether others fail with it is looked at first.
            let (.., since) = ward.watch.conditions(key(guest)).next().unwrap();
            let is_fresh = time(ward.second) - since < TimeDelta::minutes(1);
            let is_told = ward.pages_of(guest)
                || is_silent
                || is_young
                || is_fresh
                || ward.is_on_broken_ground(guest);
            if ward.condition(guest).is_failed() {
                prop_assert!(is_told, "{guest} is {}", ward.condition(guest));
            }
        }
    }
}

impl Ward {
    fn say_again(&mut self) {
        use phoenix_domain::health::Heard;
        for facts in self.hosts.values().cloned().collect::<Vec<_>>() {
            self.hear(Heard::Host(Box::new(facts)));
        }
    }

    /// Says whether people have heard of what it stands on.
    fn is_on_broken_ground(&self, guest: u32) -> bool {
        let patient = &self.patients[&key(guest)];
        let held = self.told.iter().rev().find_map(|(_, told)| {
            let Told::Held { guest: one, hold, .. } = told else { return None };
            (*one == key(guest)).then(|| hold.clone())
        });
        let host = &self.hosts[patient.host.as_str()];
        let is_broken = !host.is_alive || !host.facts.broken_bridges.is_empty();
        let has_parent =
            patient.dependencies.iter().any(|parent| self.pages_of(parent.vmid.number()));
        is_broken || has_parent || matches!(held, Some(Hold::Mode(Mode::Off)))
    }
}
