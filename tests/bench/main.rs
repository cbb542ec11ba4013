//! How fast guests get through, beside the bare server they get through.
//!
//! `cargo xtask bench engine` builds everything and runs this. What counts are the ratios of one
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

mod floor;
mod guests;
mod load;
mod processes;
mod scenes;

use std::path::PathBuf;

fn main() {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    // Cargo adds a flag of its own.
    let words: Vec<_> = words.into_iter().filter(|word| word.as_os_str() != "--bench").collect();
    let [server, worker, rest @ ..] = words.as_slice() else {
        println!("usage: engine NATS-SERVER PHOENIX-WORKER [short]");
        return;
    };
    let is_short = rest.iter().any(|word| word.as_os_str() == "short");
    let scenes = scenes::Scenes { server, worker, is_short };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(scenes.play());
}
