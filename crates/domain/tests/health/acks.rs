//! Who has seen an incident, and until when that holds.

use std::collections::BTreeMap;

use phoenix_domain::health::{
    Ack, Ask, Command, Duty, Found, Heard, Incident, Mode, Next, Patient, Probe, Reading, Reason,
    Root, Rung, Severity, Told, Word,
};

use crate::ward::{Service, WEB, Ward, evidence, key, neighbour, patient, time};

/// A ward whose guest 950 is not well, and stays so.
fn sick() -> Ward {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    ward.fail(950, Service::failing(Reason::EngineDead));
    ward.run(120);
    ward
}

fn incident(ward: &Ward) -> Incident {
    ward.incident(950).unwrap().clone()
}

fn ack(ward: &mut Ward, by: &str) {
    let (incident, by) = (incident(ward).id, by.to_owned());
    ward.order(Word::Ack { incident, by, why: Some("on my way".to_owned()) });
}

fn take_back(ward: &mut Ward) {
    let incident = incident(ward).id;
    ward.order(Word::TakeBackAck { incident, by: "kim".to_owned() });
}

fn who(incident: &Incident) -> Option<&str> {
    incident.acked().map(|ack| ack.by.as_str())
}

fn declined(ward: &Ward) -> Vec<String> {
    let told = ward.told.iter().filter_map(|(_, told)| {
        let Told::Declined { why, .. } = told else { return None };
        Some(why.clone())
    });
    told.collect()
}

#[test]
fn who_has_seen_an_incident_is_told_once_and_ends_nothing() {
    let mut ward = sick();
    let before = ward.told.len();

    ack(&mut ward, "kim");
    ack(&mut ward, "kim");

    let [(_, Told::Updated(told))] = &ward.told[before..] else { panic!("{:?}", ward.told) };
    let Ack { by, why, ended, .. } = told.acked().unwrap();
    assert_eq!((&**by, why.as_deref(), ended), ("kim", Some("on my way"), &None));
    let repairs = ward.repairs().len();
    ward.run(600);
    assert!(ward.repairs().len() > repairs, "it is repaired all the same");
    assert!(incident(&ward).is_open());
}

#[test]
fn one_who_has_seen_it_is_not_replaced_by_another_but_may_take_it_back() {
    let mut ward = sick();
    ack(&mut ward, "kim");

    ack(&mut ward, "lee");
    assert_eq!(who(&incident(&ward)), Some("kim"));
    assert!(declined(&ward)[0].starts_with("kim has acknowledged it at "), "{:?}", declined(&ward));

    take_back(&mut ward);
    assert_eq!(who(&incident(&ward)), None);
    take_back(&mut ward);
    assert_eq!(declined(&ward)[1], "nobody has acknowledged it as it is now");
    ack(&mut ward, "lee");
    assert_eq!(who(&incident(&ward)), Some("lee"));
    assert_eq!(incident(&ward).acks.len(), 2, "both are a part of its story");
}

#[test]
fn what_is_over_cannot_be_acknowledged() {
    let mut ward = sick();
    let id = incident(&ward).id;
    ward.service(950).found = Found::Serving;
    ward.run(1200);

    ward.order(Word::Ack { incident: id.clone(), by: "kim".to_owned(), why: None });

    assert!(declined(&ward)[0].starts_with(&format!("no incident {id} is open")));
}

#[test]
fn what_becomes_worse_has_to_be_seen_again_and_what_stays_as_bad_has_not() {
    let mut ward = sick();
    assert_eq!(incident(&ward).severity, Severity::Warn);
    ack(&mut ward, "kim");

    while incident(&ward).severity < Severity::Page {
        assert_eq!(who(&incident(&ward)), Some("kim"));
        ward.run(10);
    }
    assert_eq!(who(&incident(&ward)), None);
    assert!(incident(&ward).has_outgrown_its_ack());

    ack(&mut ward, "lee");
    ward.run(3 * 3600);
    assert_eq!(who(&incident(&ward)), Some("lee"), "{:?}", incident(&ward));
}

#[test]
fn a_human_who_was_called_while_repairs_went_on_is_called_anew_once_they_have_ended() {
    let mut ward = sick();
    // Nobody may begin a repair, and after an hour a human is called for that.
    ward.hosts.clear();
    ward.run(3700);
    assert_eq!(incident(&ward).severity, Severity::Page);
    assert!(matches!(incident(&ward).next, Next::Held { .. }), "{:?}", incident(&ward).next);
    ack(&mut ward, "kim");
    ward.run(600);
    assert_eq!(who(&incident(&ward)), Some("kim"));

    ward.order(Word::Mode { guest: None, mode: Mode::Observe });

    assert!(matches!(incident(&ward).next, Next::None { .. }));
    assert_eq!(who(&incident(&ward)), None);
}

#[test]
fn whoever_takes_over_knows_who_has_seen_it() {
    let mut ward = sick();
    ack(&mut ward, "kim");

    ward.hand_over();
    ward.run(30);

    assert_eq!(who(&incident(&ward)), Some("kim"));
}

/// Returns how many minutes after its opening a human was called for an incident of a guest that nobody may
/// repair, and the latest that people were told it would be, where these are found in turn every so often.
fn called_after(found: [Found; 2], is_started: bool) -> (i64, i64) {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    ward.fail(950, Service::failing(Reason::EngineDead));
    ward.service(950).process = None;
    ward.hosts.clear();
    ward.run(90);
    let opened = incident(&ward).opened;
    let (mut told, mut turn) = (0, found.iter().cycle());
    while incident(&ward).severity < Severity::Page {
        ward.service(950).found = turn.next().unwrap().clone();
        if is_started {
            let started = Some(time(ward.second));
            ward.admit(Patient { started, ..ward.patients[&key(950)].clone() });
        }
        for _ in 0..240 {
            ward.run(1);
            if let Next::Look { at, why, .. } = incident(&ward).next
                && why.starts_with("a human is called")
            {
                told = told.max((at - opened).num_minutes());
            }
        }
    }
    let paged = ward.told.iter().find_map(|(_, told)| {
        let Told::Updated(incident) = told else { return None };
        (incident.severity == Severity::Page).then_some(incident.updated)
    });
    ((paged.unwrap() - opened).num_minutes(), told)
}

#[test]
fn a_human_is_called_within_the_hour_however_often_a_guest_is_started_anew() {
    assert_eq!(called_after([Found::Loading, Found::Loading], true), (60, 0));
}

#[test]
fn a_human_is_called_within_the_hour_however_often_a_guest_is_lost_and_is_told_to_be_by_then() {
    let lost = [Reason::Unreachable, Reason::ProbeConfig].map(Found::Unasked);

    assert_eq!(called_after(lost, false), (60, 60));
}

#[test]
fn of_two_probes_that_fail_the_one_is_named_that_tells_more_whichever_failed_first() {
    let told = telling((Reason::CheckFailed, 0), (Reason::Exited, 40));
    assert!(told.text.starts_with("web on 950"), "{}", told.text);
    assert_eq!(told.reason, Reason::Exited);
    let told = telling((Reason::GuestDown, 40), (Reason::Unresponsive, 0));
    assert!(told.text.starts_with("inside on 950"), "{}", told.text);
}

/// Returns the incident of a guest whose check finds the one, and whose web server the other, each from
/// that second on.
fn telling(inside: (Reason, i64), web: (Reason, i64)) -> Incident {
    let mut guest = patient(950);
    guest.probes.push(Probe::new("inside", Ask::Inside));
    let mut ward = Ward::new([guest]);
    ward.run(30);
    // Nobody repairs on a host that nothing is heard of.
    ward.hosts.clear();
    ward.run(70);
    for second in (0..150).step_by(10) {
        let found = |(reason, from): (Reason, i64)| {
            if second < from { Found::Serving } else { Found::Failing(reason) }
        };
        ward.service(950).found = found(web);
        let (at, evidence, progress) = (time(ward.second), evidence(), None);
        let reading = Reading { at, found: found(inside), progress, evidence };
        ward.hear(Heard::Reading { guest: key(950), probe: "inside".into(), reading });
        ward.run(10);
    }
    incident(&ward)
}

#[test]
fn whoever_takes_over_knows_where_services_answer_and_how_old_it_is_what_they_show() {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    let at = BTreeMap::from([("nginx".to_owned(), "http://127.0.0.1:8080".to_owned())]);
    ward.hear(Heard::Elsewhere { guest: key(950), at: at.clone() });
    let unread = |ward: &Ward| {
        ward.watch.unread(key(950)).map(|(probe, at)| (probe.name.to_string(), at)).collect()
    };
    let before: Vec<_> = unread(&ward);

    ward.run(5);
    ward.hand_over();

    assert_eq!(ward.watch.elsewhere(key(950)), at);
    assert_eq!(before, []);
    let [(probe, known)] = <[_; 1]>::try_from(unread(&ward)).unwrap();
    assert_eq!((&*probe, known <= time(ward.second)), (WEB, true));
    ward.run(11);
    assert_eq!(unread(&ward), []);
}

#[test]
fn what_comes_next_names_the_rung_after_and_when() {
    let mut ward = sick();
    ward.repairs_take = 300;
    while !matches!(incident(&ward).next, Next::UnderWay { .. }) {
        ward.run(1);
    }
    let said = incident(&ward).next.sentence();
    assert!(said.contains("restarting the service is under way, and given up at "), "{said}");
    assert!(said.ends_with("; what comes next then is restarting the guest"), "{said}");

    ward.repairs_take = 5;
    ward.service(950).comes_up_in = 3600;
    let is_coming = |ward: &Ward| matches!(incident(ward).next, Next::Look { then: Some(_), .. });
    while !is_coming(&ward) {
        ward.run(1);
    }
    let said = incident(&ward).next.sentence();
    assert!(said.contains(" it counts as failed unless it serves by then"), "{said}");
    let Next::Look { then, .. } = incident(&ward).next else { unreachable!() };
    assert_eq!(then, Some(Rung::Guest));
}

#[test]
fn what_guests_stand_on_is_looked_at_on_its_host_and_only_guests_that_should_serve_count() {
    let mut ward = Ward::new((0..4).map(|index| Patient {
        duty: [Duty::Serves, Duty::Rests, Duty::AtWork, Duty::Serves][index as usize],
        ..neighbour(950 + index, "pve1")
    }));
    ward.run(60);
    let broken = vec!["vmbr0".parse().unwrap()];
    ward.hosts.get_mut("pve1").unwrap().facts.broken_bridges = broken;
    ward.run(60);

    let incident = ward.watch.incidents().find(|one| matches!(one.root, Root::Ground(_))).unwrap();
    assert_eq!(incident.guests, [key(950), key(953)]);
    assert!(incident.text.contains("2 guests are affected"), "{}", incident.text);
    let Command { line, .. } = &incident.commands[0];
    assert_eq!(line, "ssh pve1 ip -br link show vmbr0");
}

#[test]
fn a_breaker_that_is_not_open_is_not_closed() {
    let mut ward = Ward::new([patient(950)]);
    let by = || "kim".to_owned();

    ward.order(Word::CloseBreaker { by: by(), why: by() });
    ward.order(Word::OpenBreaker { by: by(), why: by() });
    ward.order(Word::OpenBreaker { by: by(), why: by() });

    let declined = declined(&ward);
    assert_eq!(declined[0], "the breaker is not open, so there is nothing to close");
    assert!(declined[1].starts_with("the breaker is open already, since "), "{declined:?}");
}

#[test]
fn what_cannot_be_seen_is_told_for_what_it_is() {
    let mut ward = sick();
    ward.service(950).found = Found::Unasked(Reason::Unreachable);
    ward.hosts.clear();
    ward.run(120);

    let text = incident(&ward).text;
    assert!(text.contains("is unknown: it cannot be reached from the monitor; at "), "{text}");
    assert!(text.ends_with("a human is called unless more is known of it by then"), "{text}");
}
