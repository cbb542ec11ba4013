//! What people are told of health, and say to it, by the programs as a whole.

use phoenix_bus::Outlook;
use phoenix_domain::health::Condition;
use serde_json::Value;

use super::{PATIENCE, POLL, Watched};
use crate::program::Ended;
use crate::survive::site::lxc;

#[tokio::test]
async fn a_guest_that_is_removed_and_made_anew_is_watched_again() {
    let watched = Watched::new().await;
    let monitor = watched.monitor("only");
    watched.until_found("healthy").await;
    let removed = watched.phoenix(&["delete", "953", "--yes"]).await;
    assert_eq!(removed.code, 0, "{removed:?}");
    watched.until(|told| told.guests.iter().all(|seen| seen.guest != lxc(953))).await;

    watched.submit(&["953"]).await;

    watched.until_found("healthy").await;
    assert!(!monitor.log().contains("another monitor acts now"), "{}", monitor.log());
}

/// Returns the open incident, as it is listed.
async fn incident(watched: &Watched) -> Value {
    let listed = watched.phoenix(&["incidents", "-o", "json"]).await;
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    listed.pointer("/incidents/0").unwrap().clone()
}

/// Breaks the web server and returns the name of its incident.
async fn trouble(watched: &Watched) -> String {
    watched.break_it("hand").await;
    let told = watched.until(|told| !told.incidents.is_empty()).await;
    told.incidents.first().unwrap().id.to_string()
}

#[tokio::test]
async fn who_has_seen_an_incident_is_shown_everywhere_and_may_take_it_back_whoever_acts() {
    let watched = Watched::new().await;
    let mut first = watched.monitor("first");
    watched.until_found("healthy").await;
    let id = trouble(&watched).await;

    let seen = watched.phoenix(&["ack", &id, "--reason", "on my way"]).await;
    assert_eq!(seen.code, 0, "{seen:?}");
    first.kill();
    let _second = watched.monitor("second");
    watched.until(|told| !told.incidents.is_empty()).await;

    let listed = watched.phoenix(&["incidents"]).await;
    assert!(listed.out.contains("seen by kim@"), "{listed:?}");
    let story = watched.phoenix(&["explain", &id]).await;
    assert!(story.out.contains(": on my way"), "{story:?}");
    let health = watched.phoenix(&["health"]).await;
    assert!(health.out.contains("seen: kim@"), "{health:?}");
    let start = ["maintenance", "start", "953", "--reason", "new disks"];
    watched.until_done(&start).await;
    let maintained = watched.phoenix(&["explain", &id]).await;
    assert!(maintained.out.contains("in maintenance  953 until "), "{maintained:?}");
    let taken_back = watched.phoenix(&["ack", "--undo", &id]).await;
    assert_eq!(taken_back.code, 0, "{taken_back:?}");
    let story = watched.phoenix(&["explain", &id]).await;
    assert!(story.out.contains("; taken back by kim@"), "{story:?}");
    let again = watched.phoenix(&["ack", "--undo", &id]).await;
    let wanted = "error: nobody has acknowledged it as it is now";
    assert!(again.code == 1 && again.err.starts_with(wanted), "{again:?}");
}

#[tokio::test]
async fn a_command_that_is_given_names_the_server_where_it_is_not_the_usual_one() {
    let watched = Watched::new().await;
    let _monitor = watched.monitor("only");
    watched.until_found("healthy").await;
    trouble(&watched).await;

    let incident = incident(&watched).await;

    let lines = incident["commands"].as_array().unwrap().iter();
    let option = format!(" --nats-url {}", watched.site.server.url());
    for line in lines.map(|command| command["line"].as_str().unwrap()) {
        assert!(line.ends_with(&option), "{line}");
    }
}

#[tokio::test]
async fn what_was_found_is_shown_by_whoever_takes_over_and_so_is_where_services_answer() {
    let watched = Watched::new().await;
    let mut first = watched.monitor("first");
    watched.until_found("healthy").await;
    watched.break_it("hand").await;
    let who = watched.until_found("failed").await;

    first.kill();
    let second = watched.monitor("second");
    let takes_over = |told: &Outlook| told.monitor != who && !told.guests.is_empty();
    let told = watched.until(takes_over).await;

    let probes = &told.guests.iter().find(|seen| seen.guest == lxc(953)).unwrap().probes;
    let (_, at, _) = probes.iter().find(|(probe, ..)| &*probe.name == "nginx").unwrap();
    assert!(matches!(at, Condition::Failed(_)), "{at}; {}", second.log());
}

#[tokio::test]
async fn while_one_takes_over_from_another_that_is_what_is_said() {
    let watched = Watched::new().await;
    let mut first = watched.monitor("first");
    watched.until_found("healthy").await;
    let second = watched.monitor("second");
    let is_there = async {
        while !second.log().contains("the health monitor is there") {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_there).await.expect("it is there some time");

    first.kill();
    // It may be there and not listen yet; it listens before it takes over.
    let asked = async {
        loop {
            let asked = watched.phoenix(&["health"]).await;
            if !asked.err.contains("no health monitor is there") {
                return asked;
            }
        }
    };
    let asked = tokio::time::timeout(PATIENCE, asked).await.expect("somebody is there");

    assert_eq!(asked.code, 7, "{asked:?}");
    assert!(asked.err.contains("another one is there, and takes over within seconds"), "{asked:?}");
}

#[tokio::test]
async fn a_template_is_called_one_and_a_maintenance_is_shown() {
    let watched = Watched::new().await;
    let _monitor = watched.monitor("only");
    watched.until_found("healthy").await;

    for verb in [&["health", "900"][..], &["repair", "900"]] {
        let asked = watched.phoenix(verb).await;
        assert!(asked.err.contains("guest 900 is a template"), "{asked:?}");
    }
    let nobody = watched.phoenix(&["health", "999"]).await;
    assert!(nobody.err.contains("guest 999 was never submitted"), "{nobody:?}");

    let start = ["maintenance", "start", "--host", "pve1", "--reason", "new disks"];
    let started = watched.phoenix(&start).await;
    assert_eq!(started.code, 0, "{started:?}");
    let health = watched.phoenix(&["health", "953"]).await;
    assert!(health.err.contains("in maintenance: host pve1 (pve1) until "), "{health:?}");
    assert!(health.err.contains(": new disks"), "{health:?}");

    let drained = watched.phoenix(&["drain", "pve1", "--detach"]).await;
    assert!(drained.err.contains("nothing is repaired there until "), "{drained:?}");
    let health = watched.phoenix(&["health", "953"]).await;
    assert!(health.err.contains("in maintenance: host pve1 (drain-pve1) until "), "{health:?}");
    let until =
        |drained: &Ended| drained.err.split_once(" there until ").unwrap().1[..20].to_owned();
    let longer = watched.phoenix(&["drain", "pve1", "--detach", "--for", "3h"]).await;
    let again = watched.phoenix(&["drain", "pve1", "--detach"]).await;
    assert_eq!(until(&again), until(&longer), "{again:?}");
    watched.phoenix(&["drain", "pve1", "--end"]).await;
    let health = watched.phoenix(&["health", "953"]).await;
    assert!(!health.err.contains("drain-pve1"), "{health:?}");

    let closed = watched.phoenix(&["breaker", "close", "--reason", "x"]).await;
    let wanted = "error: the breaker is not open, so there is nothing to close";
    assert!(closed.code == 1 && closed.err.starts_with(wanted), "{closed:?}");
}

#[tokio::test]
async fn what_the_monitor_does_not_know_is_not_found_rather_than_declined() {
    let watched = Watched::empty().await;
    let _monitor = watched.monitor("only");
    watched.until(|_| true).await;

    for args in [
        &["ack", "XA8ZGW"][..],
        &["ack", "XA8ZGW", "--undo"],
        &["maintenance", "end", "nothing"],
        &["channels", "test", "nobody"],
        &["channels", "forget", "nobody"],
        &["health", "999"],
        &["health", "probe", "999"],
        &["repair", "999"],
    ] {
        let ended = watched.phoenix(args).await;

        assert_eq!(ended.code, 5, "{args:?}: {ended:?}");
        assert!(ended.err.contains("\nhint: "), "{args:?}: {ended:?}");
    }
}
