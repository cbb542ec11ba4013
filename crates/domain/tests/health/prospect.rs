//! What is known of a guest that is not well before anybody is told of it.

use phoenix_domain::health::{Hold, Mode, Next, Reason, Word};

use crate::ward::{Service, Ward, key, patient};

/// A ward whose guest 950 was just found not to serve.
fn found() -> Ward {
    let mut ward = Ward::new([patient(950)]);
    ward.run(60);
    assert_eq!(ward.watch.prospect(key(950)), None, "it is well");
    ward.fail(950, Service::failing(Reason::EngineDead));
    while !ward.condition(950).is_failed() {
        ward.run(1);
    }
    ward
}

#[test]
fn what_fails_is_known_with_what_comes_next_until_an_incident_says_that() {
    let mut ward = found();
    assert_eq!(ward.incident(950), None);

    let next = ward.watch.prospect(key(950)).unwrap();
    let evidence: Vec<_> = ward.watch.evidence(key(950)).collect();

    let Next::Look { at, why, then: Some(_) } = next else { panic!("{next:?}") };
    assert_eq!(why, "an incident is opened unless it serves by then");
    assert_eq!(evidence.len(), 1);
    while ward.incident(950).is_none() {
        ward.run(1);
    }
    assert!(at <= ward.incident(950).unwrap().opened, "not before it was said");
    assert_eq!(ward.watch.prospect(key(950)), None);
}

#[test]
fn where_nothing_is_repaired_that_is_what_comes_next() {
    let mut ward = found();
    ward.order(Word::Mode { guest: None, mode: Mode::Observe });

    let next = ward.watch.prospect(key(950)).unwrap();

    let Next::Look { why, then: None, .. } = next else { panic!("{next:?}") };
    assert!(why.ends_with(&Hold::Mode(Mode::Observe).words()), "{why}");
}
