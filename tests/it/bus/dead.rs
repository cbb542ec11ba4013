//! `phoenix dead`.

use super::site::Site;
use crate::verbs::doctor::checks;

#[test]
fn a_dead_letter_is_listed_shown_and_replayed() {
    let site = Site::new();
    site.submit("900");
    let letter = site.actor.give_up("lxc-900").to_string();

    let list = site.phoenix(&["dead", "list"]);
    let shown = site.phoenix(&["dead", "show", &letter]);
    let replayed = site.phoenix(&["dead", "replay", &letter]);

    assert!(list.out.contains("900 base") && list.out.contains("`pct set`"), "{list:?}");
    for text in ["what happened before:", "step-failed", "advice", "not enough"] {
        assert!(shown.out.contains(text), "`{text}` is not in:\n{}", shown.out);
    }
    assert!(!shown.out.contains('\u{1b}'), "{shown:?}");
    assert_eq!((replayed.code, replayed.out.starts_with("r-")), (0, true), "{replayed:?}");
    let status = site.json(&["status", "900"]);
    assert_eq!(
        (&status["guests"][0]["state"], &status["guests"][0]["revision"]),
        (&"requested".into(), &2.into())
    );
    assert!(site.phoenix(&["dead", "list"]).err.contains("no dead letters"));
}

#[test]
fn a_letter_of_the_past_is_not_replayed() {
    let site = Site::new();
    site.submit("900");
    let letter = site.actor.give_up("lxc-900").to_string();
    let of_now = site.phoenix(&["dead", "list"]).out;
    site.phoenix(&["retry", "900", "--detach"]);
    let of_the_past = site.phoenix(&["dead", "list"]).out;

    let ended = site.phoenix(&["dead", "replay", &letter]);

    let now = |list: &str| list.lines().nth(1).unwrap().contains("  requested  ");
    assert_eq!((now(&of_now), now(&of_the_past)), (false, true), "{of_now}{of_the_past}");
    assert_eq!(ended.code, 10, "{ended:?}");
    assert!(ended.err.contains("requested now") && ended.err.contains("dead discard"), "{ended:?}");
    assert_eq!(site.json(&["dead", "list"])["letters"].as_array().unwrap().len(), 1);
}

#[test]
fn a_letter_whose_guest_was_asked_for_again_is_in_nobodys_way() {
    let site = Site::new();
    site.submit("900");
    site.actor.give_up("lxc-900");
    let sign = || {
        let ended = site.phoenix(&["doctor", "-o", "json"]);
        let lines = checks(&ended).into_iter().filter(|line| line["check"] == "dead letters");
        lines.map(|line| line["sign"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let of_now = sign();
    site.phoenix(&["retry", "900", "--detach"]);
    let of_the_past = sign();

    assert_eq!((of_now, of_the_past), (vec!["warning".to_owned()], vec!["ok".to_owned()]));
}

#[test]
fn a_message_that_is_not_ours_cannot_be_replayed() {
    let site = Site::new();
    let letter = site.actor.file_foreign(&site.server, "lxc-900").to_string();

    let ended = site.phoenix(&["dead", "replay", &letter]);

    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.err.contains("phoenix.log.main.lxc-900") && ended.err.contains("not ours"),
        "{ended:?}"
    );
}

#[test]
fn nothing_is_discarded_without_being_agreed() {
    let site = Site::new();
    site.submit("900");
    let letter = site.actor.give_up("lxc-900").to_string();

    let refused = site.phoenix(&["dead", "discard", &letter]);
    let unknown = site.phoenix(&["dead", "discard", &letter, "999", "--yes"]);
    assert_eq!((refused.code, unknown.code), (1, 5), "{refused:?} {unknown:?}");
    assert!(refused.err.contains("--yes"), "{refused:?}");
    assert_eq!(site.json(&["dead", "list"])["letters"].as_array().unwrap().len(), 1);

    assert_eq!(site.phoenix(&["dead", "discard", &letter, "--yes"]).code, 0);
    assert_eq!(site.phoenix(&["dead", "show", &letter]).code, 5);
}
