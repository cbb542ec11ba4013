//! Phoenix: a server that syncs each write, a worker on a host that costs nothing, and who asks.

use std::path::Path;
use std::time::Instant;

use super::Made;
use crate::load::{self, Load};
use crate::processes::Pair;
use crate::usage;

pub(super) struct Ours {
    load: Load,
    pair: Pair,
}

impl Ours {
    pub(super) async fn start(server: &Path, worker: &Path) -> Self {
        let mut pair = Pair::start(server);
        pair.work(worker, 256);
        Self { load: Load::connect(&pair.url).await, pair }
    }

    pub(super) fn url(&self) -> String {
        self.pair.url.clone()
    }

    pub(super) async fn make(&mut self, at_once: usize, total: usize) -> Made {
        let begun = Instant::now();
        let times = self.load.run(at_once, total).await;
        let seconds = begun.elapsed().as_secs_f64();
        let at = |share| load::quantile(&times, share);
        Made { seconds, half: at(0.5), most: at(0.99) }
    }

    pub(super) fn cpu(&self) -> f64 {
        self.pair.cpu() + usage::cpu(std::process::id())
    }

    pub(super) fn peak(&self) -> f64 {
        self.pair.pids().into_iter().map(usage::peak).sum()
    }
}
