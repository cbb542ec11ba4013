//! Deliveries that go on while nats-server is killed: each that is taken is asked for, and none twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::future::{join, join_all};
use phoenix_bus::{DeliveryTold, Noted};
use phoenix_domain::{EventKind, RunId};
use phoenix_testkit::forge::{Sender, push_to};

use super::{GUESTS, SENDERS};
use crate::guests::key;
use crate::load::Load;
use crate::processes::{Pair, Served};

/// Sends `total` deliveries to a server that has one core, kills nats-server once half of them are taken, and
/// looks what became of each.
pub(super) async fn play(served: Served, pair: &mut Pair, load: &Load, total: usize) {
    let (taken, begun) = (AtomicUsize::new(0), Instant::now());
    let each = total / SENDERS;
    let senders = join_all((0..SENDERS).map(|sender| {
        let (at, taken) = (&served.at, &taken);
        async move {
            let mut client = Sender::connect(at).await;
            for nth in 0..each {
                let guest = (sender * each + nth) % GUESTS;
                let (id, body) = (format!("killed-{sender}-{nth}"), push_to(&format!("g{guest}")));
                // Where NATS is away it is not taken, and sent again.
                while client.send(&id, &body).await.0 == 503 {
                    tokio::task::yield_now().await;
                }
                taken.fetch_add(1, Ordering::Relaxed);
            }
        }
    }));
    let midway = async {
        while taken.load(Ordering::Relaxed) < total / 2 {
            tokio::task::yield_now().await;
        }
        pair.kill_the_server();
        Instant::now()
    };
    let (_, killed) = join(senders, midway).await;
    let (all, after) = (begun.elapsed().as_secs_f64(), killed.elapsed().as_secs_f64());
    let half = all - after;
    println!(
        "{total} deliveries, nats-server killed in between: taken in {all:.1} s, the {:.0} before that at {:.0}/s",
        total as f64 / 2.0,
        total as f64 / 2.0 / half
    );
    let noted = settled(load, each * SENDERS).await;
    let runs: BTreeSet<RunId> =
        noted.iter().flat_map(|noted| noted.accepted.runs().cloned()).collect();
    let mut asked: BTreeMap<RunId, usize> = BTreeMap::new();
    for nth in 0..GUESTS {
        let guest = key(u32::try_from(nth).unwrap());
        for (_, event) in load.bus.history(guest).await.unwrap() {
            let run = event.state.desired.run;
            if event.fact.kind() == EventKind::Requested && runs.contains(&run) {
                *asked.entry(run).or_default() += 1;
            }
        }
    }
    let twice = asked.values().filter(|times| **times > 1).count();
    println!(
        "     noted {}, asked for {} in {:.1} s, {} joined what was about to be done; asked for twice: {twice}",
        noted.len(),
        asked.len(),
        begun.elapsed().as_secs_f64(),
        runs.len() - asked.len(),
    );
    assert_eq!((noted.len(), twice), (each * SENDERS, 0));
}

/// Waits until something became of all of them, and returns what.
async fn settled(load: &Load, total: usize) -> Vec<Noted> {
    let mut tail = load.bus.tail_deliveries().await.unwrap();
    let mut noted = BTreeMap::new();
    while noted.len() < total {
        let DeliveryTold::Noted(one) = tail.next().await else { continue };
        if one.id.starts_with("killed-") && one.accepted.errand.is_none() {
            noted.insert(one.id.clone(), *one);
        }
    }
    noted.into_values().collect()
}
