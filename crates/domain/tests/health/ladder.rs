//! Which repair for which reason, in which order, and when it counts.

use phoenix_domain::health::{
    Ask, Condition, Effect, Found, Means, Next, Outcome, Process, Reason, Rung, Severity, Silence,
    Told, Word, course,
};

use crate::ward::{Service, Ward, key, patient};

use Rung::{Application, Guest, Recreate};

const SERVICE: Rung = Rung::Service;

/// What is tried on a guest that nothing mends, until a human is called.
fn tried(means: Means, service: Service) -> (Vec<Rung>, bool) {
    let mut ward = Ward::new([phoenix_domain::health::Patient { means, ..patient(950) }]);
    ward.run(60);
    ward.fail(950, service);
    ward.run(4 * 3600);
    let is_paged = ward.pages().iter().any(|incident| incident.guests == [key(950)]);
    (ward.rungs(), is_paged)
}

#[test]
fn every_reason_has_its_own_way_up_and_all_of_them_end_with_a_human() {
    let failing = Service::failing;
    let gone = |process| Service {
        process: Some(process),
        ..Service::finds(Found::Silent(Silence::Refused))
    };
    let worse = |reason| Service::finds(Found::Worse(reason));
    let all = vec![SERVICE, SERVICE, Guest, Application];
    #[rustfmt::skip]
    let table: Vec<(&str, Service, Vec<Rung>)> = vec![
        ("exited",           gone(Process::Gone),                   all.clone()),
        ("crash-loop",       gone(Process::GivenUp),                vec![Application, Recreate]),
        ("engine-dead",      failing(Reason::EngineDead),           all.clone()),
        ("unresponsive",     Service::finds(Found::Silent(Silence::TimedOut)), all.clone()),
        ("start-stalled",    Service::finds(Found::Silent(Silence::Refused)),  all.clone()),
        ("answers-error",    failing(Reason::AnswersError),         all),
        ("orphaned",         failing(Reason::Orphaned),             vec![SERVICE, SERVICE, Guest]),
        ("artifact-missing", failing(Reason::ArtifactMissing),      vec![Application]),
        ("wrong-model",      worse(Reason::WrongModel),             vec![Application]),
        ("gpu-lost",         worse(Reason::GpuLost),                vec![Guest, Application]),
        ("guest-down",       failing(Reason::GuestDown),            vec![Guest]),
        ("out-of-memory",    failing(Reason::OutOfMemory),          vec![SERVICE]),
        ("data-missing",     failing(Reason::DataMissing),          vec![]),
        ("recovery-mode",    failing(Reason::RecoveryMode),         vec![]),
        ("collection-broken", failing(Reason::CollectionBroken),    vec![]),
        ("quorum-lost",      failing(Reason::QuorumLost),           vec![]),
        ("disk-full",        failing(Reason::DiskFull),             vec![]),
        ("gpu-broken",       failing(Reason::GpuBroken),            vec![]),
        ("probe-auth",       Service::finds(Found::Unasked(Reason::ProbeAuth)),   vec![]),
        ("unreachable",      Service::finds(Found::Unasked(Reason::Unreachable)), vec![]),
    ];
    for (what, service, wanted) in table {
        let (came, is_paged) = tried(Means::Expendable, service);
        assert_eq!(came, wanted, "{what}");
        assert!(is_paged, "{what} ends with a human");
    }
}

#[test]
fn what_serves_all_the_same_is_told_and_nobody_is_called() {
    for reason in [Reason::Saturated, Reason::Optimising, Reason::UpstreamDown] {
        let mut ward = Ward::new([patient(950)]);
        ward.fail(950, Service::finds(Found::Worse(reason)));
        ward.run(4 * 3600);
        assert_eq!((ward.rungs(), ward.pages()), (vec![], vec![]), "{reason}");
        assert_eq!(ward.incident(950).unwrap().severity, Severity::Notice);
    }
}

#[test]
fn a_guest_that_holds_data_is_restarted_and_nothing_else() {
    let dead = || Service::failing(Reason::EngineDead);
    assert_eq!(tried(Means::Stateful, dead()), (vec![SERVICE, SERVICE, Guest], true));
    assert_eq!(tried(Means::Stateful, Service::failing(Reason::ArtifactMissing)), (vec![], true));
    for reason in Reason::ALL {
        for is_again in [false, true] {
            let Some(course) = course(*reason, is_again) else { continue };
            for rung in [Application, Recreate, Rung::Human] {
                assert!(!course.has(rung, Means::Stateful), "{reason}");
            }
            assert!(!course.has(Recreate, Means::Stateless), "{reason}");
        }
    }
}

#[test]
fn only_a_guest_that_may_be_made_again_is() {
    let gave_up = || Service {
        process: Some(Process::GivenUp),
        ..Service::finds(Found::Silent(Silence::Refused))
    };
    assert_eq!(tried(Means::Stateless, gave_up()), (vec![Application], true));
    assert_eq!(tried(Means::Expendable, gave_up()), (vec![Application, Recreate], true));
}

#[test]
fn a_repair_that_helps_ends_the_incident_after_ten_minutes_of_health() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    ward.fail(950, Service::failing(Reason::EngineDead).mended_by(SERVICE));
    ward.run(120);
    assert_eq!(ward.rungs(), [SERVICE]);
    assert_eq!(ward.condition(950), Condition::Healthy);
    assert!(ward.incident(950).is_some(), "it counts only once that holds");
    ward.run(480);
    assert!(ward.incident(950).is_some());
    ward.run(120);
    assert!(ward.incident(950).is_none());
    assert!(ward.pages().is_empty());
    let resolved = ward.told.iter().find_map(|(_, told)| {
        let Told::Resolved(incident) = told else { return None };
        Some(incident)
    });
    assert_eq!(resolved.unwrap().tried[0].result, Effect::Done);
}

#[test]
fn a_repair_after_which_it_serves_for_three_minutes_only_did_not_help() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    let relapsing = Service { relapses_after: 180, ..Service::failing(Reason::EngineDead) };
    ward.fail(950, relapsing);
    ward.run(2 * 3600);
    assert_eq!(ward.rungs(), [SERVICE, SERVICE, Guest, Application]);
    assert_eq!(ward.opened().len(), 1, "it is one incident");
    assert_eq!(ward.pages().len(), 1);
}

#[test]
fn a_service_that_is_gone_is_its_supervisors_for_half_a_minute() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    let gone =
        Service { process: Some(Process::Gone), ..Service::finds(Found::Silent(Silence::Refused)) };
    ward.fail(950, gone);
    ward.run(20);
    let fell = ward.second;
    assert!(ward.condition(950).is_failed());
    ward.run(28);
    assert_eq!(ward.rungs(), []);
    ward.run(20);
    assert_eq!(ward.rungs(), [SERVICE]);
    assert!(ward.repairs()[0].0 >= fell + 20);
}

#[test]
fn the_pauses_between_repairs_grow() {
    let mut ward = Ward::new([patient(950)]);
    ward.outcome = Outcome::Failed("the worker is out of paint".to_owned());
    ward.run(60);
    ward.fail(950, Service::failing(Reason::EngineDead));
    ward.run(3600);
    let at: Vec<i64> = ward.repairs().iter().map(|(at, ..)| *at).collect();
    let pauses: Vec<i64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses.len(), 3);
    assert!(pauses[0] >= 120, "the same again waits two minutes: {pauses:?}");
    assert!((48 + 5..=72 + 15).contains(&pauses[1]), "{pauses:?}");
    assert!((96 + 5..=144 + 15).contains(&pauses[2]), "{pauses:?}");
}

#[test]
fn the_second_hang_on_a_gpu_within_the_hour_is_no_matter_of_the_service() {
    let on_gpu = |vmid| phoenix_domain::health::Patient {
        host: "pve1".parse().unwrap(),
        gpus: vec![0],
        ..patient(vmid)
    };
    let mut ward = Ward::new([on_gpu(950), on_gpu(951), patient(952)]);
    ward.run(60);
    let hung = || Service { work: Some((634, 0, 4, 0)), ..Service::well() };
    ward.fail(950, hung().mended_by(SERVICE));
    ward.run(900);
    assert_eq!(ward.rungs(), [SERVICE]);
    ward.fail(951, hung().mended_by(Guest));
    ward.run(900);
    assert_eq!(ward.rungs(), [SERVICE, Guest]);
    ward.fail(952, hung().mended_by(SERVICE));
    ward.run(900);
    assert_eq!(ward.rungs(), [SERVICE, Guest, SERVICE], "another host, another GPU");
}

#[test]
fn what_was_refused_was_not_tried_and_costs_all_the_same() {
    let mut ward = Ward::new([patient(950)]);
    ward.outcome = Outcome::Refused("it is well".to_owned());
    ward.run(60);
    ward.fail(950, Service::failing(Reason::EngineDead));
    ward.run(4 * 3600);
    assert_eq!(ward.rungs(), [SERVICE; 4], "the budget ends it");
    assert_eq!(ward.pages().len(), 1);
}

#[test]
fn an_order_nobody_says_a_word_of_is_given_up() {
    let mut ward = Ward::new([patient(950)]);
    ward.repairs_take = 100_000;
    ward.run(60);
    ward.fail(950, Service::failing(Reason::EngineDead));
    ward.run(6 * 3600);
    assert_eq!(ward.rungs(), [SERVICE, SERVICE, Guest, Application, Recreate]);
    assert_eq!(ward.pages().len(), 1);
}

#[test]
fn an_incident_says_what_happens_next_and_what_to_type() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    ward.fail(950, Service::failing(Reason::EngineDead));
    for _ in 0..3600 {
        ward.run(1);
        let Some(incident) = ward.incident(950) else { continue };
        assert!(!incident.text.is_empty() && incident.text.chars().count() <= 160);
        assert!(incident.text.contains("950"), "{}", incident.text);
        assert!(incident.commands.iter().any(|one| one.line == "phoenix health probe 950"));
        assert!(!incident.evidence.is_empty());
        if let Next::Repair { at, .. } = incident.next {
            assert!(at >= crate::ward::time(ward.second - 1), "{}", incident.text);
        }
    }
    let incident = ward.incident(950).unwrap();
    assert_eq!(incident.severity, Severity::Page);
    assert!(matches!(incident.next, Next::None { .. }));
    assert_eq!(incident.tried.len(), 4);
    assert!(incident.tried.iter().all(|one| one.result == Effect::Helpless));
}

#[test]
fn a_human_may_repair_beyond_all_budgets_and_not_beyond_what_its_file_says() {
    let stateful = phoenix_domain::health::Patient { means: Means::Stateful, ..patient(950) };
    let mut ward = Ward::new([stateful]);
    ward.run(60);
    ward.fail(950, Service::failing(Reason::DataMissing));
    ward.order(Word::OpenBreaker { by: "ops".to_owned(), why: "wait".to_owned() });
    ward.run(600);
    assert_eq!(ward.rungs(), []);
    let by_hand = |rung| Word::Repair { guest: key(950), rung, by: "ops".to_owned() };
    ward.order(by_hand(Some(Recreate)));
    assert_eq!(ward.rungs(), []);
    ward.order(by_hand(Some(Guest)));
    ward.order(by_hand(Some(Guest)));
    assert_eq!(ward.rungs(), [Guest], "one at a time");
}

#[test]
fn a_probe_of_any_kind_is_told_apart_by_its_name_alone() {
    let mut two = patient(950);
    two.probes.push(phoenix_domain::health::Probe::new("db", Ask::Postgresql { port: 5432 }));
    let mut ward = Ward::new([two]);
    ward.run(60);
    assert_eq!(ward.watch.conditions(key(950)).count(), 2);
}
