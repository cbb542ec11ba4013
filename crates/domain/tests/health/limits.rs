//! What keeps repairs in bounds.

use chrono::TimeDelta;
use phoenix_domain::health::{
    Condition, Duty, Found, Heard, Hold, Maintenance, Mode, Outcome, Patient, Reason, Root, Rung,
    Selector, SelfCheck, Severity, Silence, Told, Word,
};

use crate::ward::{Service, Ward, key, neighbour, patient, time};

fn dead() -> Service {
    Service::failing(Reason::EngineDead)
}

fn holds(ward: &Ward) -> Vec<Hold> {
    let told = ward.told.iter().filter_map(|(_, told)| {
        let Told::Held { hold, .. } = told else { return None };
        Some(hold.clone())
    });
    told.collect()
}

fn window(id: &str, from: i64, to: i64) -> Maintenance {
    Maintenance {
        id: id.into(),
        selector: Selector::Guest(key(950)),
        from: time(from),
        to: time(to),
        who: "ops".to_owned(),
        why: "new disks".to_owned(),
        is_warned: false,
    }
}

#[test]
fn a_guest_that_keeps_failing_is_repaired_four_times_an_hour_and_then_a_human_is_called() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    // It is well for long enough each time that everything starts anew.
    for _ in 0..6 {
        ward.fail(950, dead().mended_by(Rung::Service));
        ward.run(13 * 60);
    }
    assert_eq!(ward.rungs().len(), 4);
    assert_eq!(ward.pages().len(), 1);
    assert!(ward.pages()[0].text.contains("budget 4/4"), "{}", ward.pages()[0].text);
}

#[test]
fn a_guest_is_repaired_eight_times_a_day() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    for _ in 0..12 {
        ward.fail(950, dead().mended_by(Rung::Service));
        ward.run(40 * 60);
    }
    assert_eq!(ward.rungs().len(), 8);
    assert!(ward.pages()[0].text.contains("budget 8/8"), "{}", ward.pages()[0].text);
}

#[test]
fn one_guest_of_a_host_is_repaired_at_a_time_and_two_of_all() {
    let mut ward = Ward::new((0..20).map(patient_of_two));
    ward.repairs_take = 200;
    ward.run(60);
    ward.fail(950, dead());
    ward.run(100);
    ward.fail(951, dead());
    ward.run(100);
    ward.fail(960, dead());
    ward.run(100);
    ward.fail(962, dead());
    ward.run(20);
    let at: Vec<_> = ward.repairs();
    assert!(at.len() <= 3);
    let mut open = 0;
    let mut events: Vec<(i64, i32)> = Vec::new();
    ward.run(1000);
    for (at, ..) in ward.repairs() {
        events.push((at, 1));
        events.push((at + 200, -1));
    }
    events.sort_unstable();
    for (_, step) in events {
        open += step;
        assert!(open <= 2);
    }
    let of_host = ward.repairs().into_iter().filter(|(_, guest, _)| guest.vmid.number() < 952);
    let at: Vec<i64> = of_host.map(|(at, ..)| at).collect();
    assert!(at.len() >= 2 && at.windows(2).all(|two| two[1] - two[0] >= 200), "{at:?}");
    assert!(holds(&ward).contains(&Hold::HostTaken));
    assert!(holds(&ward).contains(&Hold::Crowd));
}

fn patient_of_two(index: u32) -> Patient {
    neighbour(950 + index, &format!("pve{}", index / 2))
}

#[test]
fn a_gpu_is_taken_once() {
    let on_gpu = |vmid| Patient { gpus: vec![0], ..neighbour(vmid, "pve1") };
    let mut ward = Ward::new([on_gpu(950), on_gpu(951)]);
    ward.repairs_take = 600;
    ward.run(60);
    ward.fail(950, dead());
    ward.run(90);
    ward.fail(951, dead());
    ward.run(300);
    assert_eq!(ward.repairs().len(), 1);
    assert!(holds(&ward).contains(&Hold::GpuTaken));
}

#[test]
fn no_more_than_a_fifth_of_the_fleet_is_repaired_in_ten_minutes() {
    let mut ward = Ward::new((0..15).map(|index| patient(950 + index)));
    ward.run(60);
    for index in 0..8 {
        ward.fail(950 + index, dead().mended_by(Rung::Service));
        ward.run(61);
    }
    ward.run(3600);
    let at: Vec<i64> = ward.repairs().into_iter().map(|(at, ..)| at).collect();
    assert_eq!(at.len(), 8, "all have their turn");
    assert!(at.windows(4).all(|four| four[3] - four[0] >= 600), "{at:?}");
    assert!(holds(&ward).contains(&Hold::FleetSpent));
}

#[test]
fn five_repairs_in_a_quarter_of_an_hour_that_do_not_help_open_the_breaker_for_good() {
    let mut ward = Ward::new((0..40).map(|index| patient(950 + index)));
    ward.outcome = Outcome::Failed("no".to_owned());
    ward.run(60);
    for index in 0..5 {
        ward.fail(950 + index, dead());
        ward.run(61);
    }
    ward.run(1800);
    let count = ward.repairs().len();
    assert!(ward.watch.guards().breaker().is_some());
    let page = ward.pages().into_iter().find(|incident| incident.root == Root::Breaker).unwrap();
    assert!(page.commands.iter().any(|one| one.line.starts_with("phoenix breaker close")));
    ward.run(24 * 3600);
    assert_eq!(ward.repairs().len(), count, "nothing but a human closes it");
    ward.outcome = Outcome::Done;
    ward.order(Word::CloseBreaker { by: "ops".to_owned(), why: "mended".to_owned() });
    ward.run(600);
    assert!(ward.repairs().len() > count);
}

#[test]
fn a_guest_that_fails_behind_an_open_breaker_calls_a_human() {
    let mut ward = Ward::new([patient(950)]);
    ward.order(Word::OpenBreaker { by: "ops".to_owned(), why: "moving house".to_owned() });
    ward.run(60);
    ward.fail(950, dead());
    ward.run(120);
    assert_eq!(ward.rungs(), []);
    assert_eq!(ward.pages().len(), 1);
    assert_eq!(holds(&ward), [Hold::Breaker]);
}

#[test]
fn a_bus_that_lags_opens_the_breaker() {
    let mut ward = Ward::new([patient(950)]);
    ward.hear(Heard::Monitor(SelfCheck {
        lag: TimeDelta::zero(),
        bus_lag: TimeDelta::seconds(61),
        asked: 100,
        timed_out: 0,
    }));
    assert!(ward.watch.guards().breaker().is_some());
}

#[test]
fn modes_say_what_is_done_about_what_is_found() {
    for (mode, pages, repairs) in
        [(Mode::Off, 0, 0), (Mode::Observe, 1, 0), (Mode::DryRun, 1, 0), (Mode::On, 1, 4)]
    {
        for guest in [None, Some(key(950))] {
            let mut ward = Ward::new([patient(950)]);
            ward.order(Word::Mode { guest, mode });
            ward.run(60);
            ward.fail(950, dead());
            ward.run(3600);
            assert!(ward.condition(950).is_failed(), "it is judged all the same");
            assert_eq!((ward.pages().len(), ward.rungs().len()), (pages, repairs), "{mode:?}");
        }
    }
}

#[test]
fn in_maintenance_nothing_is_done_and_nobody_is_called_and_afterwards_it_is_looked_at_anew() {
    let mut ward = Ward::new([patient(950)]);
    ward.order(Word::Maintenance(window("w1", 30, 3600)));
    ward.run(60);
    ward.fail(950, dead());
    ward.run(2000);
    assert!(ward.condition(950).is_failed(), "it is judged all the same");
    assert_eq!((ward.opened().len(), ward.rungs().len()), (0, 0));
    let warned = |ward: &Ward| {
        let told = ward.told.iter();
        told.filter(|(_, told)| matches!(told, Told::MaintenanceEnds(_))).map(|(at, _)| *at).next()
    };
    assert_eq!(warned(&ward), None);
    ward.run(1539);
    assert_eq!(warned(&ward), Some(2700));
    assert_eq!(ward.rungs(), []);
    ward.run(1);
    assert_eq!(ward.condition(950), Condition::Unknown(Reason::Unjudged));
    ward.run(120);
    assert_eq!(ward.rungs().len(), 1);
}

#[test]
fn maintenance_lasts_a_day_at_most_and_ends_when_it_is_ended() {
    let mut ward = Ward::new([patient(950)]);
    ward.order(Word::Maintenance(window("w1", 0, 1_000_000)));
    assert_eq!(ward.watch.guards().windows()[0].to, time(24 * 3600));
    ward.run(60);
    ward.fail(950, dead());
    ward.run(60);
    ward.order(Word::EndMaintenance { id: "w1".into() });
    assert!(ward.watch.guards().windows().is_empty());
    ward.run(120);
    assert_eq!(ward.rungs().len(), 1);
}

#[test]
fn what_a_worker_is_at_is_left_alone_and_looked_at_anew_afterwards() {
    let at_work = |duty| Patient { duty, ..patient(950) };
    let mut ward = Ward::new([at_work(Duty::AtWork)]);
    ward.fail(950, dead());
    ward.run(7200);
    assert_eq!((ward.opened().len(), ward.rungs().len()), (0, 0));
    ward.admit(at_work(Duty::Serves));
    assert_eq!(ward.condition(950), Condition::Unknown(Reason::Unjudged));
    ward.run(120);
    assert_eq!(ward.rungs().len(), 1);
}

#[test]
fn what_is_to_stand_still_is_not_missed() {
    let mut ward = Ward::new([Patient { duty: Duty::Rests, ..patient(950) }]);
    ward.fail(950, dead());
    ward.run(7200);
    assert_eq!((ward.opened().len(), ward.rungs().len()), (0, 0));
}

#[test]
fn a_guest_that_is_being_backed_up_is_not_repaired() {
    let mut ward = Ward::new([patient(950)]);
    ward.hosts.get_mut("pve950").unwrap().facts.busy.push(key(950));
    ward.run(60);
    ward.fail(950, dead());
    ward.run(1800);
    assert_eq!(ward.rungs(), []);
    assert_eq!(holds(&ward), [Hold::Busy]);
    ward.hosts.get_mut("pve950").unwrap().facts.busy.clear();
    ward.run(30);
    assert_eq!(ward.rungs().len(), 1);
}

#[test]
fn a_failure_that_is_held_back_for_an_hour_calls_a_human() {
    let mut ward = Ward::new([patient(950)]);
    ward.hosts.get_mut("pve950").unwrap().facts.busy.push(key(950));
    ward.run(60);
    ward.fail(950, dead());
    ward.run(3500);
    assert_eq!(ward.pages().len(), 0);
    ward.run(300);
    assert_eq!(ward.pages().len(), 1);
}

#[test]
fn a_guest_in_which_anything_works_is_not_repaired() {
    let mut two = patient(950);
    let mut web = two.probes[0].clone();
    web.name = "other".into();
    two.probes.push(web);
    let mut ward = Ward::new([two]);
    ward.run(60);
    ward.fail(950, dead());
    for second in 0..600 {
        ward.run(1);
        if second % 15 == 0 {
            let reading = phoenix_domain::health::Reading {
                at: time(ward.second),
                found: Found::Serving,
                progress: Some(phoenix_domain::health::Progress {
                    done: u64::try_from(second).unwrap(),
                    running: 1,
                    waiting: 0,
                }),
                evidence: crate::ward::evidence(),
            };
            ward.hear(Heard::Reading { guest: key(950), probe: "other".into(), reading });
        }
    }
    assert_eq!(ward.rungs(), []);
    assert!(holds(&ward).contains(&Hold::Progress));
    ward.run(180);
    assert_eq!(ward.rungs().len(), 1);
}

#[test]
fn a_finding_that_is_not_fresh_is_no_reason_to_do_anything() {
    let mut ward = Ward::new([patient(950)]);
    ward.hosts.get_mut("pve950").unwrap().facts.busy.push(key(950));
    ward.run(60);
    ward.fail(950, dead());
    ward.run(60);
    ward.service(950).is_mute = true;
    ward.run(120);
    ward.hosts.get_mut("pve950").unwrap().facts.busy.clear();
    ward.run(600);
    assert_eq!(ward.rungs(), []);
    assert!(holds(&ward).contains(&Hold::Unsure));
}

#[test]
fn nothing_is_done_to_a_host_nobody_has_heard_of() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    ward.hosts.clear();
    ward.run(60);
    ward.fail(950, dead());
    ward.run(35);
    assert!(ward.condition(950).is_failed());
    ward.run(600);
    assert_eq!(ward.rungs().len(), 0);
    assert!(holds(&ward).contains(&Hold::HostUnseen));
}

#[test]
fn a_monitor_that_is_not_well_judges_nobody() {
    let check = |lag, timed_out| {
        Heard::Monitor(SelfCheck {
            lag: TimeDelta::milliseconds(lag),
            bus_lag: TimeDelta::zero(),
            asked: 100,
            timed_out,
        })
    };
    for sick in [check(2001, 0), check(0, 31)] {
        let mut ward = Ward::new([patient(950), patient(951)]);
        ward.run(60);
        ward.fail(950, dead());
        ward.hear(sick.clone());
        assert_eq!(ward.condition(951), Condition::Unknown(Reason::MonitorSick));
        ward.run(600);
        assert_eq!(ward.rungs(), []);
        let turned = |(at, told): &(i64, Told)| *at > 60 && matches!(told, Told::Turned { .. });
        assert!(!ward.told.iter().any(turned), "what it finds says nothing");
        assert_eq!(ward.opened().len(), 1, "one incident, and it is the monitor's");
        assert_eq!(ward.opened()[0].root, Root::Monitor);
        ward.run(600);
        assert_eq!(ward.pages().len(), 1);
        ward.hear(check(0, 0));
        ward.run(10);
        assert_eq!(ward.condition(951), Condition::Unknown(Reason::MonitorSick));
        ward.hear(check(0, 0));
        assert_eq!(ward.condition(951), Condition::Healthy);
        ward.run(120);
        assert_eq!(ward.rungs().len(), 1);
    }
}

#[test]
fn a_few_probes_that_time_out_do_not_make_a_monitor_sick() {
    let mut ward = Ward::new([patient(950)]);
    ward.hear(Heard::Monitor(SelfCheck {
        lag: TimeDelta::zero(),
        bus_lag: TimeDelta::zero(),
        asked: 3,
        timed_out: 1,
    }));
    ward.run(60);
    assert_eq!(ward.condition(950), Condition::Healthy);
}

#[test]
fn flapping_stops_repairs_and_calls_a_human_once() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    for _ in 0..2 {
        ward.fail(950, Service::finds(Found::Silent(Silence::TimedOut)));
        ward.run(35);
        ward.fail(950, Service::well());
        ward.run(25);
    }
    assert_eq!(ward.condition(950), Condition::Degraded(Reason::Flapping));
    ward.run(120);
    assert_eq!(ward.rungs().len(), 0);
    assert_eq!(ward.pages().len(), 1);
    assert_eq!(ward.pages()[0].severity, Severity::Page);
    ward.run(3600);
    assert_eq!(ward.condition(950), Condition::Healthy);
    assert!(ward.incident(950).is_none());
}

#[test]
fn a_guest_that_goes_takes_its_incident_with_it() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    ward.fail(950, dead());
    ward.run(120);
    assert!(ward.incident(950).is_some());
    ward.services.clear();
    ward.hear(Heard::Gone(key(950)));
    assert_eq!(ward.watch.incidents().count(), 0);
    assert_eq!(ward.watch.guards().under_way().count(), 0);
}

#[test]
fn what_the_file_of_a_guest_says_holds_until_a_human_says_otherwise() {
    let mut ward = Ward::new([Patient { mode: Some(Mode::Observe), ..patient(950) }]);
    ward.run(60);
    ward.fail(950, dead());
    ward.run(300);
    assert_eq!(ward.rungs(), [], "all are repaired, and this one is not");
    ward.order(Word::Mode { guest: Some(key(950)), mode: Mode::On });
    ward.run(300);
    assert!(!ward.rungs().is_empty());
}
