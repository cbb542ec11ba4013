//! How many instructions a worker needs for a guest, which no other work on the machine changes.

use std::fs;
use std::path::Path;

use phoenix_testkit::samples::Samples;

use crate::load::Load;
use crate::processes::Pair;

/// How many guests at once, and how many in all: what the second has more than the first is of guests alone.
const AT_ONCE: usize = 16;
const GUESTS: [usize; 2] = [100, 500];

pub(crate) struct Scenes<'s> {
    pub(crate) server: &'s Path,
    pub(crate) worker: &'s Path,
    pub(crate) samples: &'s Samples,
}

impl Scenes<'_> {
    pub(crate) async fn play(&self, profile: &Path) {
        let mut counts = Vec::new();
        for guests in GUESTS {
            counts.push(self.count(guests, profile).await);
        }
        let more = (GUESTS[1] - GUESTS[0]) as f64;
        let each = (counts[1] - counts[0]) / more / 1000.0;
        println!("{each:.0} thousand instructions of the worker for a guest of nine steps");
        self.samples.note(
            0,
            "a guest of nine steps",
            "phoenix-worker",
            (each, "1000 instructions"),
        );
    }

    /// Takes so many guests through a worker under valgrind, and returns how many instructions it had needed in its
    /// end. The profile of the last one stays.
    async fn count(&self, guests: usize, profile: &Path) -> f64 {
        let mut pair = Pair::start(self.server);
        pair.work_under_valgrind(self.worker, profile);
        let mut load = Load::connect(&pair.url).await;
        load.run(AT_ONCE, guests).await;
        pair.end_the_worker();
        let text = fs::read_to_string(profile).unwrap();
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        total.split_whitespace().next().unwrap().parse().unwrap()
    }
}
