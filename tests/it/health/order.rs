//! A repair that a monitor ordered, and was killed before it asked for it.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use phoenix_domain::health::{
    Ask, Duty, Evidence, Facts, Found, Heard, HostFacts, Limits, Means, Mode, Order, Patient,
    Probe, Process, Reading, Silence, Told, Watch, Word,
};
use phoenix_domain::{Cause, EventKind};

use super::Watched;
use crate::survive::site::{Site, lxc};

/// Has a watch find the web server in 953 gone until it orders a repair, and keeps what that watch knows, as
/// a monitor does that is killed before it asks for the repair.
async fn keep_an_order(site: &Site) -> Order {
    let want = site.bus.end(lxc(953)).await.unwrap().unwrap().event.state.desired;
    let spec = want.spec.read().unwrap();
    let probe = Probe::new("nginx", Ask::Nginx { port: 80, path: "/".into() });
    let patient = Patient {
        guest: lxc(953),
        name: spec.name.clone(),
        host: want.host.clone(),
        gpus: Vec::new(),
        bridges: Vec::new(),
        storages: Vec::new(),
        template: spec.parent(),
        dependencies: Vec::new(),
        means: Means::Stateless,
        mode: None,
        probes: vec![probe],
        duty: Duty::Serves,
        started: None,
    };
    let host = HostFacts { host: want.host, is_alive: true, facts: Facts::default() };
    let ended = Utc::now();
    let mut at = ended - TimeDelta::minutes(10);
    let mut watch = Watch::new(Limits::default(), at);
    watch.hear(Heard::Guest(Box::new(patient)), at);
    watch.hear(Heard::AllNamed, at);
    watch.hear(Heard::Human(Word::Mode { guest: None, mode: Mode::On }), at);
    while at < ended {
        at += TimeDelta::seconds(5);
        let (guest, probe) = (lxc(953), Arc::from("nginx"));
        let evidence = Evidence {
            asked: "nginx at port 80".to_owned(),
            came: "refused".to_owned(),
            excerpt: String::new(),
            took_ms: 1,
        };
        let found = Found::Silent(Silence::Refused);
        let reading = Reading { at, found, progress: None, evidence };
        let process = Process::Gone;
        let heard = [
            Heard::Host(Box::new(host.clone())),
            Heard::Process { guest, probe: Arc::clone(&probe), process },
            Heard::Reading { guest, probe, reading },
            Heard::Tick,
        ];
        for told in heard.into_iter().flat_map(|heard| watch.hear(heard, at)) {
            let Told::Repair { order, .. } = told else { continue };
            let (mut memory, _) = site.bus.memory().await.unwrap();
            for (key, piece) in watch.take_changed() {
                memory.keep(&key, piece.as_ref()).await.unwrap().unwrap();
            }
            return order;
        }
    }
    panic!("a repair is ordered within ten minutes");
}

#[tokio::test]
async fn what_was_ordered_is_asked_for_by_the_next_monitor() {
    let watched = Watched::new().await;
    let order = keep_an_order(&watched.site).await;

    let _next = watched.monitor("next");

    let asked = watched.until_said(EventKind::RepairRequested).await;
    assert!(
        matches!(&asked.state.desired.cause, Cause::Repair { order: Some(asked), .. } if *asked == order),
        "{asked:?}"
    );
}
