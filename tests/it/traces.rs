//! A request and all that comes of it are one trace, whoever asked.

use phoenix_domain::{Event, EventKind, TraceParent};
use phoenix_testkit::host::{Fault, FaultKind};
use tempfile::TempDir;

use crate::serve::hooks::{PUSH, SIGNATURE, deliver_with, rule, served};
use crate::survive::site::lxc;
use crate::verbs::site::Site;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn all_that_comes_of_a_request_is_in_the_trace_that_it_began_or_was_asked_for_in() {
    let (site, _worker) = Site::complete().await;
    let mut begun: Vec<TraceParent> = Vec::new();
    for guest in [900, 920, 950, 953] {
        begun.extend(traces(&site, guest, 1).await);
    }
    assert!(begun.iter().all(|trace| trace == &begun[0]), "{begun:?}");
    assert!(begun[0].is_begun_here(), "{begun:?}");

    site.ok(&["restart", "950", "--traceparent", GIVEN]).await;
    assert!(traces(&site, 950, 2).await.iter().all(|trace| trace.to_string() == GIVEN));

    // What is no trace is none to go on with, and no reason to refuse anything.
    site.ok(&["restart", "950", "--traceparent", "00-0-$(id)"]).await;
    let own = traces(&site, 950, 3).await;
    assert!(own.iter().all(|trace| *trace == own[0] && trace.is_begun_here()), "{own:?}");
    assert_ne!(own[0], begun[0]);
}

#[tokio::test]
async fn what_a_worker_tells_by_itself_is_in_the_trace_of_what_the_guest_is_at() {
    let site = Site::new().await;
    site.inner.host.fault(Fault::new(FaultKind::Refuse).guest(lxc(900)).always());
    let _worker = site.inner.worker();

    site.ok(&["submit", "950", "--detach", "--traceparent", GIVEN]).await;

    let is_blocked =
        |event: &Event| event.state.guest == lxc(950) && event.fact.kind() == EventKind::Blocked;
    let told = site.inner.until_told("950 waits for what is below it", is_blocked).await;
    assert_eq!(told.traceparent.as_deref(), Some(GIVEN));
}

#[tokio::test]
async fn a_webhook_goes_on_in_the_trace_of_its_sender_and_else_begins_one() {
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    let served = served(&site, &folder, &rule(950, "main", "restart")).await;
    let twice = format!("traceparent: {GIVEN}\r\ntraceparent: {GIVEN}\r\n");
    for (revision, header) in [
        (2, format!("traceparent: {GIVEN}\r\n")),
        (3, "traceparent: 00-x\r\n".to_owned()),
        (4, twice),
    ] {
        let id = format!("d-{revision}");

        let (status, said) = deliver_with(&served.at, "forge", &id, SIGNATURE, &header, PUSH).await;

        assert_eq!(status, 202, "{said}");
        site.until_complete(950, revision).await;
        let found = traces(&site, 950, revision).await;
        assert!(found.iter().all(|trace| *trace == found[0]), "{found:?}");
        assert_eq!(found[0].to_string() == GIVEN, revision == 2, "{header}: {found:?}");
        assert_eq!(found[0].is_begun_here(), revision != 2, "{header}: {found:?}");
    }
}

/// Returns the trace of each event of a guest that came of this request.
async fn traces(site: &Site, guest: u64, revision: u64) -> Vec<TraceParent> {
    let history = site.inner.bus.history(lxc(guest)).await.unwrap();
    let of = |event: &&Event| event.state.desired.revision == revision;
    let events: Vec<_> = history.iter().map(|(_, event)| event).filter(of).collect();
    assert!(!events.is_empty());
    let read = |event: &&Event| event.traceparent.as_deref().unwrap().parse().unwrap();
    events.iter().map(read).collect()
}
