//! `phoenix answer`.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

use std::process::Child;

use super::site::Site;

/// Returns how a guest is, and who asked for it in which run.
fn state(site: &Site, guest: &str) -> serde_json::Value {
    site.json(&["status", guest])["guests"][0].clone()
}

/// Returns the last answer in the log.
fn answered(site: &Site) -> serde_json::Value {
    let told =
        site.lines(&["watch", "--since", "1h", "--kind", "answered", "-o", "jsonl"], 1).remove(0);
    serde_json::from_str::<serde_json::Value>(&told).unwrap()["data"]["fact"].clone()
}

#[test]
fn what_is_asked_goes_on_with_a_yes_and_the_log_has_who_said_it() {
    let site = Site::new();
    let run = site.submit("900");
    site.actor.ask_human("lxc-900");
    let shown = site.phoenix(&["status", "900"]);
    let followed = site.phoenix(&["follow", &run]);

    let ended = site.phoenix(&["answer", "900", "yes"]);

    assert!(shown.out.contains("`phoenix answer 900 yes` has it go on"), "{shown:?}");
    assert!(followed.out.contains("`phoenix answer 900 yes` has it go on"), "{followed:?}");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.starts_with("900 base  goes on; follow it: "), "{ended:?}");
    let after = state(&site, "900");
    assert_eq!((&after["state"], &after["revision"]), (&"requested".into(), &1.into()));
    assert_eq!(after["run"], run.as_str(), "the run that asked goes on");
    let told = answered(&site);
    assert_eq!(told["yes"], true);
    assert_eq!(told["question"], "container 900 is not ours; take it over?");
    assert!(told["by"].as_str().unwrap().starts_with("kim@"), "{told}");
    site.actor.complete("lxc-900");
    assert_eq!(state(&site, "900")["state"], "completed");
}

#[test]
fn a_no_cancels_it_and_what_asks_nothing_is_told_so() {
    let site = Site::new();
    site.submit("900");
    site.actor.ask_human("lxc-900");

    let ended = site.phoenix(&["answer", "900", "no"]);

    assert_eq!((ended.code, ended.out.as_str()), (0, "900 base  cancelled\n"), "{ended:?}");
    assert_eq!(state(&site, "900")["state"], "cancelled");
    assert_eq!(answered(&site)["yes"], false);
    let retried = site.phoenix(&["retry", "900", "--detach"]);
    assert_eq!(retried.code, 0, "{retried:?}");
    let nothing = site.phoenix(&["answer", "900", "yes"]);
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (0, "900 base  asks nothing: requested\n"),
        "{nothing:?}"
    );
}

#[test]
fn of_two_who_answer_at_once_one_is_told_who_was_faster() {
    let site = Site::new();
    site.submit("900");
    site.actor.ask_human("lxc-900");

    let both = ["yes", "no"].map(|says| site.start(&["answer", "900", says]));
    let [yes, no] = both.map(|child: Child| child.wait_with_output().unwrap());

    let codes = [yes.status.code(), no.status.code()].map(Option::unwrap);
    let (winner, loser) = if codes[0] == 0 { ("yes", &no) } else { ("no", &yes) };
    assert_eq!(codes.iter().sum::<i32>(), 10, "one is done, and one in conflict: {yes:?} {no:?}");
    let said = String::from_utf8_lossy(&loser.stdout).into_owned();
    assert!(said.contains("not answered: kim@"), "{said}");
    assert!(said.contains(&format!(" was faster, and said {winner} at ")), "{said}");
    assert_eq!(answered(&site)["yes"], winner == "yes");
}

#[test]
fn a_question_that_is_another_one_by_now_is_not_answered() {
    let site = Site::new();
    site.submit("900");
    site.actor.ask_human("lxc-900");

    let other = site.phoenix(&["answer", "900", "yes", "--asked", "make it anew?"]);
    let same = site.phoenix(&[
        "answer",
        "900",
        "yes",
        "--asked",
        "container 900 is not ours; take it over?",
    ]);
    let late = site.phoenix(&[
        "answer",
        "900",
        "yes",
        "--asked",
        "container 900 is not ours; take it over?",
    ]);

    assert_eq!(other.code, 10, "{other:?}");
    assert!(other.out.contains("it asks something else by now: container 900 is not ours"));
    assert_eq!(same.code, 0, "{same:?}");
    assert_eq!(late.code, 10, "{late:?}");
    assert!(late.out.contains("kim@"), "{late:?}");
}

#[test]
fn a_run_that_asks_before_it_begins_is_answered_as_a_whole() {
    let site = Site::new();
    let first = site.submit("901");
    for guest in ["lxc-900", "lxc-901"] {
        site.actor.complete(guest);
        site.actor.ask_before(&site.server, guest, "a push changes two guests; deploy it?");
    }
    let asked = site.phoenix(&["status", "901"]);
    let before = ["900", "901"].map(|guest| state(&site, guest)["state"].clone());

    let ended = site.phoenix(&["answer", "r-approve", "yes"]);

    assert_eq!(before, ["question", "question"]);
    assert!(
        asked.out.contains("next: see what it would change; `phoenix answer 901 yes`"),
        "{asked:?}"
    );
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.out.matches("goes on").count(), 2, "{ended:?}");
    for guest in ["900", "901"] {
        let after = state(&site, guest);
        assert_eq!((&after["state"], &after["run"]), (&"requested".into(), &"r-approve".into()));
        assert_eq!(after["revision"], 2);
    }
    let again = site.phoenix(&["answer", "r-approve", "yes"]);
    let of_another = site.phoenix(&["answer", &first, "yes"]);
    for ended in [again, of_another] {
        assert_eq!((ended.code, ended.out.as_str()), (0, "nothing is asked\n"), "{ended:?}");
    }
    let unknown = site.phoenix(&["answer", "r-0000", "yes"]);
    assert_eq!(unknown.code, 5, "{unknown:?}");
}
