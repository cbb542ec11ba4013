//! `phoenix submit`.

use super::site::Site;

#[test]
fn whoever_submits_what_is_being_worked_on_joins() {
    let site = Site::new();
    let run = site.submit("901");

    let again = site.phoenix(&["submit", "901", "--detach"]);

    assert_eq!((again.code, again.out.trim()), (0, run.as_str()), "{again:?}");
    assert!(again.err.contains("already being worked on"), "{again:?}");
}

#[test]
fn what_is_as_desired_is_not_asked_for_again() {
    let site = Site::new();
    site.submit("901");
    site.actor.complete("lxc-900");
    site.actor.complete("lxc-901");

    let again = site.phoenix(&["submit", "901"]);

    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.out.matches("already as desired (since ").count(), 2, "{again:?}");
}
