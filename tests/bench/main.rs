//! How fast guests get through, beside the bare server they get through.
//!
//! `cargo xtask bench engine` builds everything and runs this. All ratios are of one run.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on should stop"
)]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

mod floor;
mod guests;
mod load;
mod processes;

use std::path::PathBuf;
use std::time::Instant;

use crate::load::Load;
use crate::processes::{Pair, Sync};

fn main() {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [server, worker, ..] = paths.as_slice() else {
        println!("usage: engine NATS-SERVER PHOENIX-WORKER");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        println!("floor: bare publish and acknowledgement, 2 KiB, one file stream");
        for sync in [Sync::Always, Sync::Never] {
            let pair = Pair::start(server, sync);
            for in_flight in [1, 16, 256] {
                let rate = floor::publish(&pair.url, in_flight).await;
                println!("  {sync:?} {in_flight:4} in flight: {rate:8.0} messages/s");
            }
            let rate = floor::batches(&pair.url, 200).await;
            println!("  {sync:?} batches of 200: {rate:8.0} messages/s");
        }
        println!("guests of nine steps that do nothing, every event on disk");
        for (in_flight, total) in [(1, 300), (16, 3000), (256, 12000)] {
            let mut pair = Pair::start(server, Sync::Always);
            pair.work(worker, in_flight);
            let mut load = Load::connect(&pair.url).await;
            load.run(in_flight, in_flight * 2).await;
            let (cpu, begun) = (pair.cpu(), Instant::now());
            let own = processes::cpu(std::process::id());
            let latencies = load.run(in_flight, total).await;
            let seconds = begun.elapsed().as_secs_f64();
            let (count, spent) = (latencies.len() as f64, pair.cpu() - cpu);
            let own = processes::cpu(std::process::id()) - own;
            let (server_mb, worker_mb) = pair.memory();
            println!(
                "  {in_flight:4} in flight: {:7.0} guests/s, {:8.0} steps/s, p50 {:.2} ms, p99 {:.2} ms, CPU {:.2} ms a guest (+{:.2} of the load), server {server_mb:.0} MiB + worker {worker_mb:.0} MiB",
                count / seconds,
                9.0 * count / seconds,
                load::quantile(&latencies, 0.5),
                load::quantile(&latencies, 0.99),
                1000.0 * spent / count,
                1000.0 * own / count,
            );
        }
    });
}
