//! Workers that die while a guest is stopped, started anew or removed.

use phoenix_testkit::host::{Fault, FaultKind, Moment};
use phoenix_testkit::worker::Worker;

use super::site::{Site, made};
use crate::survive::site::lxc;

/// Has every worker die at this point of a change of 950, types the verb, and returns what was
/// made of the host then.
async fn die(at: Moment, kind: &str, args: &[&str]) -> Vec<(phoenix_domain::GuestKey, String)> {
    let (site, first) = Site::complete().await;
    die_on(site, first, at, kind, args).await
}

async fn die_on(
    site: Site,
    mut first: Worker,
    at: Moment,
    kind: &str,
    args: &[&str],
) -> Vec<(phoenix_domain::GuestKey, String)> {
    let revision = site.state("950").await.get("revision").unwrap().as_u64().unwrap();
    let lines = site.lines();
    let fault = Fault::new(FaultKind::KillStarter { at }).guest(lxc(950)).kind(kind);
    site.inner.host.fault(fault);
    site.ok(&[args, &["--detach"]].concat()).await;
    first.is_killed().await;

    let _next = site.worker();
    site.until_complete(950, revision + 1).await;

    assert_eq!(site.inner.host.faults_left(), 0, "the worker was to die");
    site.inner.assert_all_is_well().await;
    site.made_since(lines)
}

const POINTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

#[tokio::test]
async fn a_guest_is_restarted_once_whenever_its_worker_dies() {
    for at in POINTS {
        assert_eq!(die(at, "restart", &["restart", "950"]).await, [made(950, "restart")], "{at:?}");
    }
}

#[tokio::test]
async fn a_guest_that_stands_still_is_started_once_when_it_is_restarted() {
    for at in POINTS {
        let (site, worker) = Site::complete().await;
        site.ok(&["stop", "950"]).await;

        let started = die_on(site, worker, at, "start", &["restart", "950"]).await;

        assert_eq!(started, [made(950, "start")], "{at:?}");
    }
}

#[tokio::test]
async fn a_guest_is_stopped_once_whenever_its_worker_dies() {
    for at in POINTS {
        assert_eq!(die(at, "stop", &["stop", "950"]).await, [made(950, "stop")], "{at:?}");
    }
}

#[tokio::test]
async fn a_guest_is_removed_once_whenever_its_worker_dies() {
    for kind in ["stop", "destroy"] {
        for at in POINTS {
            let removed = die(at, kind, &["delete", "950", "--yes"]).await;
            assert_eq!(removed, [made(950, "stop"), made(950, "destroy")], "{kind} {at:?}");
        }
    }
}
