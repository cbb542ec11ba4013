//! What a role may not do is refused by the server, and said at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use phoenix_bus::BusError;

use super::site::{Site, text};

/// What nobody but the admin may publish.
pub(super) const NOBODY: [&str; 12] = [
    "phoenix.log.other.lxc-950",
    "phoenix.event.main.lxc-950",
    "phoenix.anything",
    "_INBOX_submitter.guessed",
    "_INBOX.guessed",
    "$JS.API.STREAM.DELETE.PHOENIX_LOG",
    "$JS.API.STREAM.PURGE.PHOENIX_LOG",
    "$JS.API.STREAM.UPDATE.PHOENIX_LOG",
    "$JS.API.STREAM.MSG.DELETE.PHOENIX_LOG",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.CONSUMER.CREATE.PHOENIX_WORK.x.phoenix.work.main.*.*.*",
    "$SYS.REQ.SERVER.PING",
];
/// What somebody writes who does more than look.
const WRITTEN: [&str; 12] = [
    "phoenix.log.main.lxc-950",
    "phoenix.work.main.pve1.std.lxc-950",
    "phoenix.dead.main.lxc-950",
    "phoenix.aloud.main.lxc-950",
    "phoenix.health.main.lxc-950.tcp",
    "phoenix.incident.main.7F3K2A",
    "phoenix.ask.main.pve1",
    "phoenix.monitor.main.order",
    "$KV.phoenix-hosts.main.pve1",
    "$KV.phoenix-leases.main.monitor",
    "$KV.phoenix-watch.main.guards",
    "$JS.API.STREAM.MSG.DELETE.PHOENIX_DEAD",
];
/// Emptying the library.
const PURGE: &str = "$JS.API.STREAM.PURGE.OBJ_phoenix-library";
/// What the worker of another host does.
pub(super) const OF_ANOTHER_HOST: [&str; 9] = [
    "phoenix.answer.main.pve2.submitter.guessed",
    "$JS.API.CONSUMER.MSG.NEXT.PHOENIX_WORK.w_main_pve2_std",
    "$JS.ACK.PHOENIX_WORK.w_main_pve2_std.1.1.1.1.1",
    "$JS.API.CONSUMER.CREATE.PHOENIX_WORK.w_main_pve2_std.phoenix.work.main.pve2.std.*",
    "$JS.API.CONSUMER.CREATE.PHOENIX_WORK.w_main_pve1_std.phoenix.work.main.pve2.std.*",
    "$JS.API.CONSUMER.CREATE.PHOENIX_WORK.w_main_pve1_std",
    "$JS.API.CONSUMER.DELETE.PHOENIX_WORK.w_main_pve2_std",
    "$KV.phoenix-hosts.main.pve2",
    "phoenix.work.main.pve2.std.lxc-950",
];

#[tokio::test]
async fn each_role_is_kept_from_what_is_not_its_own() {
    let (site, _server) = Site::running();
    let of_monitor = &WRITTEN[4..6];
    let of_hosts = [&WRITTEN[1..4], &WRITTEN[8..9]].concat();
    let not_asking = [&WRITTEN[6..8], &WRITTEN[11..]].concat();
    let of_pushes = ["$KV.phoenix-deliveries.main.x", "$KV.phoenix-pushes.main.x"];
    // Who asks for guests agrees to what waits, and brings along what they need.
    let of_deliveries = &of_pushes[..1];
    let of_pieces = ["$O.phoenix-library.C.x"];
    let of_library = ["$O.phoenix-library.C.x", "$O.phoenix-library.M.x", PURGE];
    let table: [(&str, Vec<&[&str]>); 6] = [
        ("watcher", vec![&NOBODY, &WRITTEN, &OF_ANOTHER_HOST, &of_pushes, &of_library]),
        ("submitter", vec![&NOBODY, of_monitor, &of_hosts, &OF_ANOTHER_HOST, of_deliveries]),
        ("serve", vec![&NOBODY, of_monitor, &of_hosts, &OF_ANOTHER_HOST]),
        (
            "monitor",
            vec![&NOBODY, &of_hosts, &OF_ANOTHER_HOST, &of_pushes, &of_library, &WRITTEN[7..8]],
        ),
        (
            "worker-pve1",
            vec![&NOBODY, of_monitor, &not_asking, &OF_ANOTHER_HOST, &of_pushes, &of_pieces],
        ),
        ("admin", vec![&NOBODY[2..5], &of_hosts]),
    ];
    for (role, forbidden) in table {
        let bus = site.bus(role).await;
        for subject in forbidden.concat() {
            assert!(
                bus.is_forbidden_to_publish(subject).await.unwrap(),
                "{role} publishes {subject}"
            );
        }
    }
}

#[tokio::test]
async fn a_worker_with_the_key_of_another_host_ends_and_has_taken_nothing() {
    let (site, _server) = Site::running();
    let mut worker = site.worker_by("pve1", "worker-pve2", None);

    let ended = worker.ended().await;

    let log = worker.log();
    assert_eq!(ended.code(), Some(4), "{log}");
    assert!(log.contains("not permitted: subject $KV.phoenix-hosts.main.pve1"), "{log}");
    assert!(!log.contains("the worker is there"), "{log}");
}

#[tokio::test]
async fn nobody_hears_the_answers_of_another() {
    let (site, _server) = Site::running();
    let roles = ["watcher", "submitter", "serve", "monitor", "worker-pve1", "worker-pve2", "admin"];
    for role in roles {
        let bus = site.bus(role).await;
        for other in roles.into_iter().filter(|other| *other != role) {
            let inbox = format!("_INBOX_{other}.>");
            assert!(bus.is_forbidden_to_subscribe(&inbox).await.unwrap(), "{role} hears {other}");
        }
        for all in [">", "_INBOX.>", "phoenix.>", "$KV.>"] {
            assert!(bus.is_forbidden_to_subscribe(all).await.unwrap(), "{role} hears {all}");
        }
    }
    let submitter = site.bus("submitter").await;
    for answers in ["phoenix.answer.main.*.monitor.>", "phoenix.answer.main.pve1.>"] {
        assert!(submitter.is_forbidden_to_subscribe(answers).await.unwrap(), "{answers}");
    }
    let worker = site.bus("worker-pve1").await;
    assert!(worker.is_forbidden_to_subscribe("phoenix.ask.main.pve2").await.unwrap());
    assert!(!worker.is_forbidden_to_subscribe("phoenix.ask.main.pve1").await.unwrap());
}

#[test]
fn a_watcher_who_asks_for_a_guest_is_told_what_is_not_permitted_and_what_to_do() {
    let (site, _server) = Site::running();

    let ended = site.phoenix("watcher", &["submit", "900"]);

    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains("not permitted: subject phoenix.log.main.lxc-900"), "{ended:?}");
    assert!(ended.err.contains("the key of watcher may not"), "{ended:?}");
    assert!(ended.err.contains("--nats-nkey-file"), "{ended:?}");

    let ended = site.phoenix("watcher", &["health", "mode", "on"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains("not permitted: subject phoenix.monitor.main.order"), "{ended:?}");

    let ended = site.phoenix("worker-pve1", &["watch"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains("the key of worker pve1 may not"), "{ended:?}");
}

#[tokio::test]
async fn what_waits_for_a_stream_or_a_bucket_is_ended_by_the_refusal() {
    let (site, _server) = Site::running();
    let refused = |err: BusError| {
        let BusError::NotPermitted { subject, role, .. } = err else { panic!("{err:?}") };
        (subject, role.unwrap().to_string())
    };

    let worker = site.bus("worker-pve1").await;
    let mut listener = worker.listen().await.unwrap();
    assert_eq!(refused(listener.next().await.unwrap_err()).0, "phoenix.aloud.main.*");
    let (subject, role) = refused(worker.hosts().await.unwrap_err());
    assert_eq!((&*subject, &*role), ("$JS.API.DIRECT.GET.KV_phoenix-hosts", "worker pve1"));

    let watcher = site.bus("watcher").await;
    let (subject, _) = refused(watcher.lease("monitor", "us").await.unwrap_err());
    assert_eq!(subject, "$JS.API.STREAM.INFO.KV_phoenix-leases");
    let err = watcher.set_up(phoenix_bus::Durability::Synced).await.unwrap_err();
    assert_eq!(refused(err).0, "$JS.API.STREAM.INFO.PHOENIX_WORK");
}

#[test]
fn a_key_that_others_may_read_is_refused_with_what_to_do() {
    let site = Site::written(&["nats"]);
    let key = site.key("watcher");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();

    let ended = site.phoenix("watcher", &["status"]);

    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains(&format!("chmod 600 {}", text(&key))), "{ended:?}");
}

#[test]
fn a_key_that_the_server_does_not_know_is_not_let_in() {
    let (site, _server) = Site::running();
    let other = Site::written(&["nats"]);
    fs::copy(other.key("watcher"), site.key("watcher")).unwrap();

    let ended = site.phoenix("watcher", &["status"]);

    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains("does not let us in"), "{ended:?}");
}
