//! Guests of nine durable steps that do nothing: ours, the bare server below them, and other engines.
//!
//! Whoever asks, whoever works and whoever stores share one machine, for every contender.

mod ours;
mod peers;

use std::path::Path;
use std::time::Instant;

use phoenix_testkit::samples::Samples;

use crate::floor;
use crate::words::Words;

use self::ours::Ours;
use self::peers::{KINDS, Peer};

/// How many guests at once, and how many in all.
const LOADS: [(usize, usize); 3] = [(1, 150), (16, 1500), (256, 4000)];
/// How many steps a guest has.
const STEPS: f64 = 9.0;
/// What we are compared with: as many messages as a guest has steps, and nothing else.
const FLOOR: &str = "bare nats-server, nine messages";

pub(crate) struct Scene<'s> {
    pub(crate) server: &'s Path,
    pub(crate) worker: &'s Path,
    pub(crate) words: &'s Words,
    pub(crate) samples: &'s Samples,
    /// By what the number of guests is divided.
    pub(crate) part: usize,
    pub(crate) rounds: usize,
}

/// What it took to make some guests.
struct Made {
    seconds: f64,
    /// How long the middle one took, in milliseconds, and all but one in a hundred.
    half: f64,
    most: f64,
}

/// Somebody who makes guests.
enum Contender {
    Ours(Box<Ours>),
    Peer(Peer),
}

impl Scene<'_> {
    pub(crate) async fn play(&self) {
        for round in 0..self.rounds {
            self.ours(round).await;
            for kind in KINDS {
                let begun = Instant::now();
                match Peer::start(kind, self.words) {
                    None => {}
                    Some(Ok(peer)) => {
                        self.measure(round, kind.name, begun, Contender::Peer(peer)).await;
                    }
                    Some(Err(why)) => self.samples.not_run(kind.name, &why),
                }
            }
        }
    }

    async fn ours(&self, round: usize) {
        let begun = Instant::now();
        let ours = Ours::start(self.server, self.worker).await;
        let url = ours.url();
        let contender = Contender::Ours(Box::new(ours));
        let contender = self.measure(round, "phoenix", begun, contender).await;
        for (at_once, _) in LOADS {
            let rate = floor::publish(&url, at_once).await / STEPS;
            let what = format!("{at_once} at once");
            self.samples.note(round, &what, FLOOR, (rate, "guests/s"));
            println!("{what}: {FLOOR}: {rate:.0} guests/s");
        }
        drop(contender);
    }

    /// Has it make guests, alone first.
    async fn measure(
        &self,
        round: usize,
        who: &str,
        begun: Instant,
        mut contender: Contender,
    ) -> Contender {
        let note = |what: &str, value: f64, unit: &str| {
            self.samples.note(round, what, who, (value, unit));
        };
        contender.make(1, 1).await;
        let cold = 1000.0 * begun.elapsed().as_secs_f64();
        note("cold start to the first guest, store included", cold, "ms");
        for (at_once, total) in LOADS {
            let total = total / self.part;
            // What is done only once is not what a guest costs.
            contender.make(at_once, at_once.max(total / 10)).await;
            let before = contender.cpu();
            let made = contender.make(at_once, total).await;
            let cpu = 1000.0 * (contender.cpu() - before) / total as f64;
            let (what, rate) = (format!("{at_once} at once"), total as f64 / made.seconds);
            note(&what, rate, "guests/s");
            note(&format!("{what}, CPU a guest, all processes"), cpu, "ms");
            if at_once == 1 {
                note("one guest, half of them", made.half, "ms");
                note("one guest, 99 of 100", made.most, "ms");
            }
            println!(
                "{what}: {who}: {rate:.0} guests/s, p50 {:.2} ms, p99 {:.2} ms, {cpu:.2} ms of CPU",
                made.half, made.most
            );
        }
        note("memory, store and worker", contender.peak(), "MiB");
        contender
    }
}

impl Contender {
    async fn make(&mut self, at_once: usize, total: usize) -> Made {
        match self {
            Self::Ours(ours) => ours.make(at_once, total).await,
            Self::Peer(peer) => peer.make(at_once, total),
        }
    }

    /// CPU seconds of all processes, whoever asks included.
    fn cpu(&self) -> f64 {
        match self {
            Self::Ours(ours) => ours.cpu(),
            Self::Peer(peer) => peer.cpu(),
        }
    }

    fn peak(&self) -> f64 {
        match self {
            Self::Ours(ours) => ours.peak(),
            Self::Peer(peer) => peer.peak(),
        }
    }
}
