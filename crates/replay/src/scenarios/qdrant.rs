//! Qdrant.

use std::borrow::Cow;

use crate::scene::{Page, Says, Scene};

const COLLECTIONS: &str = include_str!("../../recorded/qdrant-collections.json");
const EMPTY: &str = include_str!("../../recorded/qdrant-collections-empty.json");
const GREEN: &str = include_str!("../../recorded/qdrant-collection-green.json");
const ABSENT: &str = include_str!("../../recorded/qdrant-collection-absent.json");
const RECOVERY: &str = include_str!("../../recorded/qdrant-collection-recovery.json");
const QUORUM_LOST: &str = include_str!("../../recorded/qdrant-quorum-lost.json");
const UNAUTHORIZED: &str = include_str!("../../recorded/qdrant-unauthorized.txt");
const NOT_READY: &str = include_str!("../../recorded/qdrant-not-ready.txt");
const METRICS: &str = include_str!("../../recorded/qdrant-metrics.txt");

const POINTS: &str =
    r#"{"result":{"points":[{"id":0}],"next_page_offset":1},"status":"ok","time":0.0008}"#;

/// In every state, but the one in which it joins.
fn ready() -> Page {
    Page::new("GET /readyz", Says::text(200, "all shards are ready"))
}

fn list(says: &'static str) -> Page {
    Page::new("GET /collections", Says::json(200, says))
}

fn metrics() -> Page {
    Page::new("GET /metrics", Says::text(200, METRICS))
}

fn collection(says: Says) -> Page {
    Page::new("GET /collections/c1", says)
}

fn points(says: Says) -> Page {
    Page::new("POST /collections/c1/points/scroll", says)
}

fn healthy() -> [Page; 5] {
    [
        ready(),
        list(COLLECTIONS),
        metrics(),
        collection(Says::json(200, GREEN)),
        points(Says::json(200, POINTS)),
    ]
}

pub(super) fn ok() -> Scene {
    Scene::pages("qdrant: healthy", healthy())
}

pub(super) fn locked() -> Scene {
    let pages = healthy().map(|page| {
        if page.asked == "GET /readyz" {
            page
        } else {
            page.for_those_who_say("api-key: right", Says::text(401, UNAUTHORIZED))
        }
    });
    Scene::pages("qdrant: with a key", pages)
}

pub(super) fn empty() -> Scene {
    let absent = collection(Says::json(404, ABSENT));
    Scene::pages("qdrant: without its data", [ready(), list(EMPTY), metrics(), absent])
}

pub(super) fn joining() -> Scene {
    let not_ready = Page::new("GET /readyz", Says::text(503, NOT_READY));
    Scene::pages("qdrant: joins a cluster", [not_ready, list(EMPTY), metrics()])
}

pub(super) fn recovery() -> Scene {
    let text = METRICS.replace("app_status_recovery_mode 0", "app_status_recovery_mode 1");
    let says = Says::Answer { status: 200, kind: "text/plain", body: Cow::Owned(text) };
    let counters = Page::new("GET /metrics", says);
    let broken = || Says::json(500, RECOVERY);
    let pages = [ready(), list(COLLECTIONS), counters, collection(broken()), points(broken())];
    Scene::pages("qdrant: in recovery mode", pages)
}

pub(super) fn quorum_lost() -> Scene {
    let lost = points(Says::json(500, QUORUM_LOST));
    let known = collection(Says::json(200, GREEN));
    Scene::pages(
        "qdrant: two of three are gone",
        [ready(), list(COLLECTIONS), metrics(), known, lost],
    )
}

pub(super) fn coloured(colour: &str) -> Scene {
    let body = GREEN.replace(r#""status":"green""#, &format!(r#""status":"{colour}""#));
    let says = Says::Answer { status: 200, kind: "application/json", body: Cow::Owned(body) };
    let some = points(Says::json(200, POINTS));
    Scene::pages(
        "qdrant: coloured",
        [ready(), list(COLLECTIONS), metrics(), collection(says), some],
    )
}
