//! What guests cost as they become many: bytes in the log, memory of the server, and the start of what reads it all.

mod growth;

use std::path::Path;

use phoenix_bus::Told;
use phoenix_domain::{EventKind, Fact};
use phoenix_testkit::samples::Samples;

use crate::guests::{FIRST, again, key};
use crate::load::Load;
use crate::processes::Pair;

/// How many guests are taken through all steps.
const TAKEN: u32 = 1000;
/// How often they are then.
const RUNS: u32 = 3;
/// How many guests there are otherwise.
const SIZES: [u32; 5] = [10, 100, 1000, 10_000, 100_000];

pub(crate) struct Scenes<'s> {
    pub(crate) server: &'s Path,
    pub(crate) worker: &'s Path,
    pub(crate) phoenix: &'s Path,
    pub(crate) monitor: &'s Path,
    pub(crate) samples: &'s Samples,
    pub(crate) is_short: bool,
}

impl Scenes<'_> {
    pub(crate) async fn play(&self) {
        self.bytes().await;
        let sizes = &SIZES[..if self.is_short { SIZES.len() - 1 } else { SIZES.len() }];
        let mut costs = Vec::new();
        for &count in sizes {
            costs.push((count, growth::measure(self, count).await));
        }
        growth::note(self.samples, &costs);
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
            let what = format!("log of a guest, run {run} of nine steps");
            self.samples.note(0, &what, "phoenix", (each as f64, "bytes"));
            before = bytes;
        }
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
