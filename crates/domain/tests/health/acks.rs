//! Who has seen an incident, and until when that holds.

use phoenix_domain::health::{
    Ack, Command, Found, Incident, Mode, Next, Patient, Reason, Rung, Severity, Told, Word,
};

use crate::ward::{Service, Ward, key, neighbour, patient};

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

#[test]
fn a_human_is_called_within_the_hour_however_often_a_guest_is_started_anew() {
    let mut ward = Ward::new([Patient { mode: Some(Mode::Observe), ..patient(950) }]);
    ward.run(60);
    ward.fail(950, Service::finds(Found::Loading));
    ward.service(950).process = None;
    ward.order(Word::Mode { guest: None, mode: Mode::On });
    ward.fail(950, Service::failing(Reason::EngineDead));
    ward.order(Word::Mode { guest: Some(key(950)), mode: Mode::On });
    ward.hosts.clear();
    ward.run(120);
    let opened = incident(&ward).opened;

    // Each start gives it all of its time once more, and so does each time it is out of sight.
    for nth in 0..12 {
        let second = ward.second;
        let started = Some(crate::ward::time(second));
        ward.admit(Patient { started, ..ward.patients[&key(950)].clone() });
        let blip = Found::Unasked(Reason::Unreachable);
        ward.service(950).found = if nth % 2 == 0 { blip } else { Found::Loading };
        ward.run(300);
    }

    let called = ward.told.iter().find_map(|(_, told)| match told {
        Told::Updated(incident) if incident.severity == Severity::Page => Some(incident.updated),
        _ => None,
    });
    let waited = (called.unwrap() - opened).num_minutes();
    assert!(waited <= 60, "a human was called after {waited} minutes");
}

#[test]
fn of_two_probes_that_fail_the_one_is_named_that_tells_more() {
    let told = telling(Reason::CheckFailed, Reason::Exited);
    assert!(told.text.starts_with("web on 950"), "{}", told.text);
    assert_eq!(told.reason, Reason::Exited);
    let told = telling(Reason::GuestDown, Reason::Unresponsive);
    assert!(told.text.starts_with("inside on 950"), "{}", told.text);
}

/// Returns the incident of a guest whose check finds the one, and whose web server the other.
fn telling(inside: Reason, web: Reason) -> Incident {
    use phoenix_domain::health::{Ask, Heard, Probe, Reading};
    let mut guest = patient(950);
    guest.probes.push(Probe::new("inside", Ask::Inside));
    let mut ward = Ward::new([guest]);
    let read = |ward: &mut Ward, found: Found| {
        let at = crate::ward::time(ward.second);
        let evidence = crate::ward::evidence();
        let reading = Reading { at, found, progress: None, evidence };
        ward.hear(Heard::Reading { guest: key(950), probe: "inside".into(), reading });
    };
    read(&mut ward, Found::Serving);
    ward.run(30);
    ward.fail(950, Service::failing(web));
    for _ in 0..10 {
        read(&mut ward, Found::Failing(inside));
        ward.run(10);
    }
    ward.opened().remove(0)
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
    use phoenix_domain::health::{Duty, Root};
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
