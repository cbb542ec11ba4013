//! How fast guests and webhooks get through, beside the bare server they get through, and what many guests cost.
//!
//! `cargo xtask bench engine`, `serve` and `scaling` build everything and run this. What counts are the ratios of one
//! run: a disk that is busy with something else is slow for both.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on should stop")]
#![expect(clippy::indexing_slicing, reason = "a bench that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a bench are small"
)]

mod engine;
mod floor;
mod guests;
mod load;
mod processes;
mod scaling;
mod serve;

use std::path::PathBuf;

fn main() {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    // Cargo adds a flag of its own.
    let words: Vec<_> = words.into_iter().filter(|word| word.as_os_str() != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let [what, server, rest @ ..] = words.as_slice() else { return usage() };
    let is_short = rest.iter().any(|word| word.as_os_str() == "short");
    match (what.to_str(), rest) {
        (Some("engine"), [worker, ..]) => {
            runtime.block_on(engine::Scenes { server, worker, is_short }.play());
        }
        (Some("serve"), [worker, phoenix, ..]) => {
            runtime.block_on(serve::Scenes { server, worker, phoenix, is_short }.play());
        }
        (Some("scaling"), [worker, phoenix, ..]) => {
            runtime.block_on(scaling::Scenes { server, worker, phoenix }.play());
        }
        // What webhooks are measured beside; the bench starts it itself.
        (Some("bare"), _) => runtime.block_on(serve::bare::answer(&server.to_string_lossy())),
        _ => usage(),
    }
}

fn usage() {
    println!("usage: engine NATS-SERVER PHOENIX-WORKER [short]");
    println!("       serve NATS-SERVER PHOENIX-WORKER PHOENIX [short]");
    println!("       scaling NATS-SERVER PHOENIX-WORKER PHOENIX");
}
