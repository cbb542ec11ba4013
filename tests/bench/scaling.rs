//! What guests cost as they become many: bytes in the log, memory of the server, and the start of what reads it all.

use std::path::Path;
use std::time::{Duration, Instant};

use phoenix_bus::{Durability, Told};
use phoenix_domain::{EventKind, Fact};

use crate::guests::{FIRST, again, key, request};
use crate::load::Load;
use crate::processes::Pair;

/// How many guests are taken through all steps.
const TAKEN: u32 = 1000;
/// How often they are then.
const RUNS: u32 = 3;
/// How many guests there are otherwise.
const MANY: [u32; 3] = [1000, 10_000, 100_000];
/// How many are asked for at once.
const AT_ONCE: usize = 900;
/// Whom nobody asks for: who waits for it stays as it is.
const NOBODY: u32 = 999_999;

pub(crate) struct Scenes<'s> {
    pub(crate) server: &'s Path,
    pub(crate) worker: &'s Path,
    pub(crate) phoenix: &'s Path,
}

impl Scenes<'_> {
    pub(crate) async fn play(&self) {
        self.bytes().await;
        for count in MANY {
            self.many(count).await;
        }
    }

    /// What a guest leaves in the log when it is made, and each time that it is made otherwise.
    async fn bytes(&self) {
        let mut pair = Pair::start(self.server);
        pair.work(self.worker, 64);
        let mut load = Load::connect(&pair.url).await;
        load.run(64, TAKEN as usize).await;
        let mut before = 0;
        for run in 1..=RUNS {
            if run > 1 {
                run_again(&mut load, run).await;
            }
            let bytes = load.bus.log_bytes().await.unwrap();
            let each = (bytes - before) / u64::from(TAKEN);
            println!("run {run} of nine steps: {each} bytes a guest in the log");
            before = bytes;
        }
    }

    /// What many guests cost of which nothing is asked.
    async fn many(&self, count: u32) {
        let mut pair = Pair::start(self.server);
        let idle = pair.memory().0;
        let load = Load::set_up(&pair.url, Durability::Synced).await;
        let keys: Vec<_> = (0..count).map(key).collect();
        let begun = Instant::now();
        for part in keys.chunks(AT_ONCE) {
            let asked = load.bus.ask(&load.setup, &load.teller, part, |guest, _| {
                Some(request(guest.vmid.number() - FIRST, &[key(NOBODY)]))
            });
            asked.await.unwrap();
        }
        let asked = begun.elapsed().as_secs_f64();
        let bytes = load.bus.log_bytes().await.unwrap() / u64::from(count);
        // What is thrown away by then is not what the guests cost.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let full = pair.memory().0;
        let begun = Instant::now();
        pair.work_until_all_is_known(self.worker);
        let known = begun.elapsed().as_secs_f64();
        let worker = pair.memory().1;
        let begun = Instant::now();
        let lines = pair.status(self.phoenix);
        let status = begun.elapsed().as_secs_f64();
        println!(
            "{count:6} guests: asked for in {asked:.1} s, {bytes} bytes each; nats-server {idle:.0} -> {full:.0} MiB; \
             a worker knows all after {known:.2} s ({worker:.0} MiB); `phoenix status` {status:.2} s ({lines} lines)"
        );
    }
}

/// Asks for all guests once more, otherwise than before, and waits until they are complete.
async fn run_again(load: &mut Load, run: u32) {
    let keys: Vec<_> = (0..TAKEN).map(key).collect();
    for part in keys.chunks(64) {
        let asked = load.bus.ask(&load.setup, &load.teller, part, |guest, _| {
            let fact: Fact = again(guest.vmid.number() - FIRST, run);
            Some(fact)
        });
        asked.await.unwrap();
        let mut complete = 0;
        while complete < part.len() {
            if let Told::Event { event, .. } = load.tail.next().await
                && event.fact.kind() == EventKind::Completed
            {
                complete += 1;
            }
        }
    }
}
