//! What is measured.

use std::path::Path;
use std::time::{Duration, Instant};

use phoenix_bus::Told;
use phoenix_domain::{EventKind, Standing};
use phoenix_testkit::samples::Samples;

use crate::guests::{key, request};
use crate::load::{self, Load};
use crate::processes::Pair;
use crate::usage;
use crate::words::Words;
use crate::{floor, guests, steps};

pub(crate) struct Scenes<'s> {
    pub(crate) server: &'s Path,
    pub(crate) worker: &'s Path,
    pub(crate) words: &'s Words,
    pub(crate) samples: &'s Samples,
    pub(crate) is_short: bool,
}

impl Scenes<'_> {
    pub(crate) async fn play(&self) {
        println!("A guest has nine steps; none of them costs anything, each is told and on disk.");
        let Self { server, worker, words, samples, .. } = *self;
        let part = if self.is_short { 5 } else { 1 };
        let rounds = words.number("rounds").unwrap_or(5) as usize;
        steps::Scene { server, worker, words, samples, part, rounds }.play().await;
        self.latencies().await;
        self.nothing_to_do().await;
        self.memory().await;
        let own = usage::cpu(std::process::id());
        println!("(the load itself used {own:.1} s of CPU)");
    }

    /// One guest at a time, on an idle worker: from the request to the first step, and from a
    /// parent that is complete to its child that is claimed.
    async fn latencies(&self) {
        let mut pair = Pair::start(self.server);
        pair.work(self.worker, 8);
        let mut load = Load::connect(&pair.url).await;
        load.run(1, 20).await;
        let (mut first, mut wake) = (Vec::new(), Vec::new());
        for nth in 0..100 {
            let (parent, child) = (500_000 + 2 * nth, 500_001 + 2 * nth);
            let pair_of_them = [key(parent), key(child)];
            let asked = Instant::now();
            load.bus
                .ask(&load.setup, &load.teller, &pair_of_them, |guest, _| {
                    let number = guest.vmid.number() - guests::FIRST;
                    let below = if number == child { vec![key(parent)] } else { Vec::new() };
                    Some(request(number, &below))
                })
                .await
                .unwrap();
            let mut complete = None;
            loop {
                let Told::Event { event, .. } = load.tail.next().await else { continue };
                let is_child = event.state.guest == key(child);
                let kind = event.fact.kind();
                if kind == EventKind::Claimed && is_child {
                    let since: Instant = complete.unwrap();
                    wake.push(1000.0 * since.elapsed().as_secs_f64());
                } else if kind == EventKind::StepTaken
                    && !is_child
                    && event.state.work.taken.len() == 1
                {
                    first.push(1000.0 * asked.elapsed().as_secs_f64());
                } else if kind == EventKind::Completed && is_child {
                    break;
                } else if kind == EventKind::Completed {
                    complete = Some(Instant::now());
                }
            }
        }
        for (what, times) in [("request -> first step", &mut first), ("parent -> child", &mut wake)]
        {
            times.sort_by(f64::total_cmp);
            let (p50, p99) = (load::quantile(times, 0.5), load::quantile(times, 0.99));
            println!("{what}: p50 {p50:.2} ms, p99 {p99:.2} ms (n = {})", times.len());
            self.samples.note(0, &format!("{what}, half of them"), "phoenix", (p50, "ms"));
            self.samples.note(0, &format!("{what}, 99 of 100"), "phoenix", (p99, "ms"));
        }
        let rate = floor::publish(&pair.url, 1).await;
        println!("     floor, one at a time: {:.2} ms a message", 1000.0 / rate);
        for what in ["request -> first step", "parent -> child"] {
            let floor = (1000.0 / rate, "ms");
            self.samples.note(0, &format!("{what}, half of them"), "one message", floor);
        }
    }

    /// A thousand guests that are as wanted are asked for again.
    async fn nothing_to_do(&self) {
        let mut pair = Pair::start(self.server);
        pair.work(self.worker, 256);
        let mut load = Load::connect(&pair.url).await;
        load.run(256, 1000).await;
        let keys: Vec<_> = (0..1000).map(key).collect();
        let (messages, begun) = (load.messages().await, Instant::now());
        let asked = load
            .bus
            .ask(&load.setup, &load.teller, &keys, |guest, state| {
                let is_complete =
                    state.is_some_and(|state| state.work.standing == Standing::Completed);
                (!is_complete).then(|| request(guest.vmid.number() - guests::FIRST, &[]))
            })
            .await
            .unwrap();
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        let writes = load.messages().await - messages;
        self.samples.note(0, "1000 guests as wanted, asked for again", "phoenix", (took, "ms"));
        println!(
            "1000 guests as wanted, asked for again: {took:.1} ms, {writes} durable writes ({} answered)",
            asked.len()
        );
    }

    async fn memory(&self) {
        let mut pair = Pair::start(self.server);
        pair.work(self.worker, 8);
        let mut load = Load::connect(&pair.url).await;
        load.run(1, 1).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (_, idle) = pair.memory();
        // They stand on a guest nobody asks for, so they stay where they are.
        let keys: Vec<_> = (10_000..20_000).map(key).collect();
        load.bus
            .ask(&load.setup, &load.teller, &keys, |guest, state| {
                let number = guest.vmid.number() - guests::FIRST;
                state.is_none().then(|| request(number, &[key(999_999)]))
            })
            .await
            .unwrap();
        let mut seen = 0;
        while seen < keys.len() {
            if let Told::Event { .. } = load.tail.next().await {
                seen += 1;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (server, full) = pair.memory();
        println!(
            "worker idle: {idle:.0} MiB; with 10,000 guests pending: {full:.0} MiB (server {server:.0} MiB)"
        );
    }
}
