//! Guests that fail together are one incident, and nothing is done to any of them.

use phoenix_domain::health::{
    Condition, Found, Ground, Patient, Reason, Root, Rung, Severity, Silence, Told, Word,
};

use crate::ward::{Service, Ward, key, neighbour, patient};

fn dead() -> Service {
    Service::failing(Reason::EngineDead)
}

fn silent() -> Service {
    Service { process: None, ..Service::finds(Found::Silent(Silence::TimedOut)) }
}

fn bridge(host: &str, bridge: &str) -> Ground {
    Ground::Bridge(host.parse().unwrap(), bridge.parse().unwrap())
}

#[test]
fn twenty_guests_of_a_host_that_fail_at_once_are_one_incident_and_no_repair() {
    let guests = (0..20).map(|index| neighbour(950 + index, "pve1"));
    let mut ward = Ward::new(guests.chain((0..40).map(|index| patient(1000 + index))));
    ward.run(60);
    for index in 0..20 {
        ward.fail(950 + index, silent());
    }
    ward.run(1800);
    assert_eq!(ward.rungs(), []);
    let opened = ward.opened();
    assert_eq!(opened.len(), 1, "{opened:#?}");
    assert_eq!(opened[0].root, Root::Ground(Ground::Host("pve1".parse().unwrap())));
    assert_eq!(opened[0].severity, Severity::Page);
    assert_eq!(opened[0].guests.len(), 20);
    assert!(ward.watch.guards().breaker().is_some());
}

#[test]
fn guests_that_are_out_of_reach_together_are_one_incident_until_they_are_back() {
    let unreachable = || Service::finds(Found::Unasked(Reason::Unreachable));
    let mut ward = Ward::new((0..5).map(|index| neighbour(950 + index, "pve1")));
    ward.run(60);
    for index in 0..5 {
        ward.fail(950 + index, unreachable());
    }
    ward.run(3600);
    let opened = ward.opened();
    assert_eq!(opened.len(), 1, "{opened:#?}");
    assert_eq!((opened[0].severity, opened[0].guests.len()), (Severity::Page, 5));

    for index in 0..5 {
        ward.fail(950 + index, Service::well());
    }
    ward.run(1800);
    assert_eq!(ward.rungs(), []);
    let still = ward.watch.incidents().filter(|incident| incident.root != Root::Breaker);
    assert_eq!(still.count(), 0);
}

#[test]
fn guests_to_which_no_way_was_ever_known_have_not_failed_together() {
    let mut ward = Ward::new((0..5).map(|index| neighbour(950 + index, "pve1")));
    for index in 0..5 {
        ward.fail(950 + index, Service::finds(Found::Unasked(Reason::Unreachable)));
    }
    ward.run(3600);
    assert!(ward.watch.guards().breaker().is_none());
    let roots: Vec<_> = ward.opened().iter().map(|incident| incident.root.clone()).collect();
    assert_eq!(roots.len(), 5, "each is told of by itself: {roots:?}");
    assert!(roots.iter().all(|root| matches!(root, Root::Guest(_))), "{roots:?}");
}

#[test]
fn four_guests_of_one_host_are_too_many_and_three_are_not() {
    for count in [3, 4] {
        let guests = (0..4).map(|index| neighbour(950 + index, "pve1"));
        let mut ward = Ward::new(guests.chain((0..40).map(|index| patient(1000 + index))));
        ward.run(60);
        for index in 0..count {
            ward.fail(950 + index, dead().mended_by(Rung::Service));
        }
        ward.run(900);
        let is_one = ward.watch.guards().breaker().is_some();
        assert_eq!((is_one, ward.rungs().len()), if count == 4 { (true, 0) } else { (false, 3) });
    }
}

#[test]
fn a_guest_that_fails_again_is_watched_for_a_moment_before_the_next_repair() {
    let mut ward = Ward::new((0..40).map(|index| patient(1000 + index)));
    ward.run(60);
    ward.fail(1000, Service { relapses_after: 180, ..dead() });
    let fell = |ward: &Ward| {
        let told = ward
            .told
            .iter()
            .rev()
            .find(|(_, told)| matches!(told, Told::Turned { to: Condition::Failed(_), .. }));
        told.map(|(at, _)| *at).unwrap()
    };
    for _ in 0..3600 {
        let before = ward.rungs().len();
        ward.run(1);
        if ward.rungs().len() > before {
            assert!(ward.second - fell(&ward) >= 20);
        }
    }
    assert_eq!(ward.rungs().len(), 4);
}

#[test]
fn what_they_have_in_common_is_what_the_incident_is_about() {
    let on = |vmid, bridge: &str| Patient {
        bridges: vec![bridge.parse().unwrap()],
        ..neighbour(vmid, "pve1")
    };
    let guests = (0..20).map(|index| on(950 + index, if index < 5 { "vmbr1" } else { "vmbr0" }));
    let mut ward = Ward::new(guests);
    ward.run(60);
    for index in 0..5 {
        ward.fail(950 + index, dead());
    }
    ward.run(600);
    assert_eq!(ward.opened().len(), 1);
    assert_eq!(ward.opened()[0].root, Root::Ground(bridge("pve1", "vmbr1")));
}

#[test]
fn guests_with_nothing_in_common_that_fail_together_are_the_fleets() {
    let mut ward = Ward::new((0..10).map(|index| patient(950 + index)));
    ward.run(60);
    for index in 0..5 {
        ward.fail(950 + index, dead());
    }
    ward.run(600);
    assert_eq!(ward.rungs(), []);
    assert_eq!(ward.opened().len(), 1);
    assert_eq!(ward.opened()[0].root, Root::Ground(Ground::Fleet));
}

#[test]
fn two_guests_that_fail_together_are_two() {
    let mut ward = Ward::new((0..10).map(|index| patient(950 + index)));
    ward.run(60);
    for index in 0..2 {
        ward.fail(950 + index, dead().mended_by(Rung::Service));
    }
    ward.run(300);
    assert_eq!(ward.opened().len(), 2);
    assert_eq!(ward.rungs().len(), 2);
}

#[test]
fn a_human_who_closes_the_breaker_has_each_of_them_repaired() {
    let mut ward = Ward::new((0..10).map(|index| patient(950 + index)));
    ward.run(60);
    for index in 0..4 {
        ward.fail(950 + index, dead().mended_by(Rung::Service));
    }
    ward.run(600);
    assert_eq!(ward.rungs(), []);
    ward.order(Word::CloseBreaker { by: "ops".to_owned(), why: "the switch is back".to_owned() });
    ward.run(3600);
    assert_eq!(ward.rungs().len(), 4);
    assert_eq!(ward.watch.incidents().count(), 0);
}

#[test]
fn the_incident_of_many_is_over_when_all_of_them_serve() {
    let mut ward = Ward::new((0..10).map(|index| patient(950 + index)));
    ward.run(60);
    for index in 0..4 {
        ward.fail(950 + index, dead());
    }
    ward.run(600);
    for index in 0..3 {
        ward.fail(950 + index, Service::well());
    }
    ward.run(60);
    assert_eq!(ward.watch.incidents().count(), 1);
    ward.fail(953, Service::well());
    ward.run(60);
    assert_eq!(ward.watch.incidents().count(), 0, "resolution is never suppressed");
    assert!(ward.watch.guards().breaker().is_some(), "and the breaker stays open");
}

#[test]
fn a_broken_bridge_is_one_incident_and_those_on_it_are_left_alone() {
    let mut ward = Ward::new((0..5).map(|index| neighbour(950 + index, "pve1")));
    ward.run(60);
    ward.hosts.get_mut("pve1").unwrap().facts.broken_bridges.push("vmbr0".parse().unwrap());
    for index in 0..5 {
        ward.fail(950 + index, silent());
    }
    ward.run(1800);
    assert_eq!(ward.rungs(), []);
    assert_eq!(ward.opened().len(), 1);
    assert_eq!(ward.opened()[0].root, Root::Ground(bridge("pve1", "vmbr0")));
    assert_eq!(ward.condition(950), Condition::Unknown(Reason::Foundation));
    assert!(ward.watch.guards().breaker().is_none(), "nobody failed");

    ward.hosts.get_mut("pve1").unwrap().facts.broken_bridges.clear();
    ward.run(10);
    assert_eq!(ward.condition(950), Condition::Starting, "all come up at once, and slowly");
    ward.run(60);
    assert_eq!(ward.rungs(), []);
    for index in 0..5 {
        ward.fail(950 + index, Service::well());
    }
    ward.run(60);
    assert_eq!(ward.condition(950), Condition::Healthy);
    assert_eq!(ward.watch.incidents().count(), 0);
}

#[test]
fn a_silent_host_is_one_incident_whatever_else_of_it_is_broken() {
    let mut ward = Ward::new((0..3).map(|index| neighbour(950 + index, "pve1")));
    ward.run(60);
    let host = ward.hosts.get_mut("pve1").unwrap();
    host.is_alive = false;
    host.facts.broken_bridges.push("vmbr0".parse().unwrap());
    host.facts.broken_storages.push("tank".parse().unwrap());
    for index in 0..3 {
        ward.fail(950 + index, silent());
    }
    ward.run(1800);
    assert_eq!(ward.opened().len(), 1);
    assert_eq!(ward.opened()[0].root, Root::Ground(Ground::Host("pve1".parse().unwrap())));
    assert_eq!(ward.condition(950), Condition::Unknown(Reason::HostSilent));
}

#[test]
fn a_broken_gpu_suppresses_every_guest_on_it_and_nobody_else() {
    let on = |vmid, gpu| Patient { gpus: vec![gpu], ..neighbour(vmid, "pve1") };
    let mut ward = Ward::new([on(950, 0), on(951, 1)]);
    ward.run(60);
    ward.hosts.get_mut("pve1").unwrap().facts.broken_gpus.push(0);
    ward.fail(950, dead());
    ward.fail(951, dead().mended_by(Rung::Service));
    ward.run(600);
    let repaired: Vec<_> = ward.repairs().into_iter().map(|(_, guest, _)| guest).collect();
    assert_eq!(repaired, [key(951)]);
}

#[test]
fn what_is_gone_for_a_blink_is_told_to_nobody() {
    let mut ward = Ward::new((0..3).map(|index| neighbour(950 + index, "pve1")));
    ward.run(60);
    ward.hosts.get_mut("pve1").unwrap().is_alive = false;
    ward.run(20);
    ward.hosts.get_mut("pve1").unwrap().is_alive = true;
    ward.run(60);
    let turned =
        ward.told.iter().filter(|(at, told)| *at > 60 && !matches!(told, Told::Held { .. }));
    assert_eq!(turned.count(), 0);
}

#[test]
fn a_guest_whose_foundation_fails_waits_for_it() {
    let child = Patient { dependencies: vec![key(950)], ..patient(951) };
    let mut ward = Ward::new([patient(950), child]);
    ward.run(60);
    ward.fail(950, dead());
    ward.fail(951, Service::failing(Reason::AnswersError));
    ward.run(2 * 3600);
    assert!(ward.repairs().iter().all(|(_, guest, _)| *guest == key(950)));
    assert!(ward.pages().iter().all(|incident| incident.guests == [key(950)]));
    ward.fail(950, Service::well());
    ward.run(120);
    assert_eq!(ward.condition(951), Condition::Starting, "it has a fresh grace");
    ward.run(900);
    assert!(ward.repairs().iter().any(|(_, guest, _)| *guest == key(951)), "and then its turn");
}

#[test]
fn a_boot_storm_is_no_reason_to_repair() {
    let mut ward = Ward::new((0..20).map(|index| {
        let mut patient = neighbour(950 + index, "pve1");
        patient.probes[0].start_deadline = Some(1200);
        patient
    }));
    ward.run(60);
    ward.hosts.get_mut("pve1").unwrap().is_alive = false;
    for index in 0..20 {
        ward.fail(950 + index, silent());
    }
    ward.run(600);
    ward.hosts.get_mut("pve1").unwrap().is_alive = true;
    for index in 0..20 {
        ward.fail(950 + index, Service::finds(Found::Silent(Silence::Refused)));
    }
    ward.run(1100);
    assert_eq!(ward.rungs(), []);
    for index in 0..20 {
        ward.fail(950 + index, Service::well());
    }
    ward.run(60);
    assert_eq!(ward.rungs(), []);
    assert_eq!(ward.opened().len(), 1);
    assert_eq!(ward.watch.incidents().count(), 0);
}
