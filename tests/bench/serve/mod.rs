//! Webhooks that arrive, and pages and watchers that hear of what happens.

pub(crate) mod bare;
mod killed;
mod watchers;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream;
use phoenix_bus::{From, Told};
use phoenix_domain::EventKind;
use phoenix_testkit::forge::{SECRET, Sender, push_to};
use phoenix_testkit::samples::Samples;

use crate::guests::{self, FIRST, key};
use crate::load::{self, Load};
use crate::processes::Pair;
use crate::usage::cpu;

/// How many guests the deliveries are about.
const GUESTS: usize = 1000;
/// How many senders send at once.
const SENDERS: usize = 64;

pub(crate) struct Scenes<'s> {
    pub(crate) server: &'s Path,
    pub(crate) worker: &'s Path,
    pub(crate) phoenix: &'s Path,
    pub(crate) samples: &'s Samples,
    pub(crate) is_short: bool,
}

impl Scenes<'_> {
    pub(crate) async fn play(&self) {
        let mut pair = Pair::start(self.server);
        pair.work(self.worker, 256);
        let mut load = Load::connect(&pair.url).await;
        load.request = guests::serving;
        load.run(256, GUESTS).await;
        println!("{GUESTS} guests that cost nothing; each delivery has its own id and is signed.");
        self.deliveries(&pair).await;
        self.first_step(&pair, &mut load).await;
        let served = pair.serve_on_one_core(self.phoenix, &hooks(pair.folder.path()));
        killed::play(served, &mut pair, &load, if self.is_short { 1000 } else { 10_000 }).await;
        watchers::play(self.phoenix, &mut pair, &load).await;
    }

    /// Sends deliveries in a closed loop, to the program and to a server that only checks and stores.
    async fn deliveries(&self, pair: &Pair) {
        let total = if self.is_short { 1000 } else { 10_000 };
        for round in 0..5 {
            for is_bare in [false, true] {
                let served = if is_bare {
                    pair.start_bare()
                } else {
                    pair.serve(self.phoenix, &hooks(pair.folder.path()))
                };
                let name = format!("{round}-{is_bare}");
                flood(&served.at, &format!("warm-{name}"), total / 10).await;
                let (spent, begun) = (cpu(served.child.id()), Instant::now());
                flood(&served.at, &name, total).await;
                let rate = total as f64 / begun.elapsed().as_secs_f64();
                let spent = 1000.0 * (cpu(served.child.id()) - spent) / total as f64;
                let who = if is_bare { "a bare server" } else { "phoenix serve" };
                println!("deliveries: {who}: {rate:.0} a second, {spent:.2} ms of CPU each");
                self.samples.note(round, "deliveries", who, (rate, "deliveries/s"));
                self.samples.note(round, "CPU of a delivery", who, (spent, "ms"));
            }
        }
    }

    /// One delivery at a time: from its first byte to the first step of its guest.
    async fn first_step(&self, pair: &Pair, load: &mut Load) {
        let served = pair.serve(self.phoenix, &hooks(pair.folder.path()));
        let mut client = Sender::connect(&served.at).await;
        // What was told of the deliveries before is nobody's any more.
        load.tail = load.bus.tail(From::Now).await.unwrap();
        let mut times = Vec::new();
        for nth in 0..if self.is_short { 20 } else { 200 } {
            let begun = Instant::now();
            assert_eq!(
                client.send(&format!("step-{nth}"), &push_to(&format!("g{nth}"))).await.0,
                202
            );
            loop {
                let Told::Event { event, .. } = load.tail.next().await else { continue };
                if matches!(event.fact.kind(), EventKind::StepTaken | EventKind::RestartBegun)
                    && event.state.guest == key(u32::try_from(nth).unwrap())
                {
                    times.push(1000.0 * begun.elapsed().as_secs_f64());
                    break;
                }
            }
        }
        times.sort_by(f64::total_cmp);
        let (p50, p95) = (load::quantile(&times, 0.5), load::quantile(&times, 0.95));
        self.samples.note(0, "push to first step, half", "phoenix serve", (p50, "ms"));
        self.samples.note(0, "push to first step, 95 of 100", "phoenix serve", (p95, "ms"));
        println!("push -> first step: p50 {p50:.1} ms, p95 {p95:.1} ms (n = {})", times.len());
    }
}

/// Sends so many deliveries, each of which is taken.
async fn flood(at: &str, name: &str, total: usize) {
    let each = total / SENDERS;
    stream::iter(0..SENDERS)
        .map(|sender| async move {
            let mut client = Sender::connect(at).await;
            for nth in 0..each {
                let guest = (sender * each + nth) % GUESTS;
                let id = format!("{name}-{sender}-{nth}");
                let (status, said) = client.send(&id, &push_to(&format!("g{guest}"))).await;
                assert!(matches!(status, 200 | 202), "{status}: {said}");
            }
        })
        .buffer_unordered(SENDERS)
        .collect::<Vec<()>>()
        .await;
}

/// Writes the file that says who may send and what is done: a branch for each guest.
fn hooks(folder: &Path) -> std::path::PathBuf {
    let secret = folder.join("forge.secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let rules: Vec<_> = (0..GUESTS)
        .map(|nth| {
            serde_json::json!({
                "repository": "github.com/acme/fleet", "branch": format!("g{nth}"),
                "guests": [FIRST as usize + nth], "action": "restart",
            })
        })
        .collect();
    let file = folder.join("hooks.json");
    let forge = serde_json::json!({
        "provider": "github", "secret_files": [secret], "per_second": 100_000,
    });
    let text = serde_json::json!({ "sources": { "forge": forge }, "rules": rules });
    fs::write(&file, text.to_string()).unwrap();
    file
}
