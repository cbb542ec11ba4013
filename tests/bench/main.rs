//! How fast guests and webhooks get through, beside the bare server they get through, and what many guests cost.
//!
//! `cargo xtask bench engine`, `converge`, `serve` and `scaling` build everything and run this. What counts are the
//! ratios of one run: a disk that is busy with something else is slow for both.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on should stop")]
#![expect(clippy::indexing_slicing, reason = "a bench that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a bench are small"
)]

mod converge;
mod engine;
mod floor;
mod guests;
mod instructions;
mod load;
mod processes;
mod scaling;
mod serve;
mod steps;
mod usage;
mod words;

use std::path::Path;

use phoenix_testkit::samples::Samples;

use self::words::Words;

fn main() {
    // Cargo adds a flag of its own.
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let paths: Vec<_> = words.iter().map(Path::new).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // What webhooks are measured beside; the bench starts it itself.
    if let [what, at] = words.as_slice()
        && what == "bare"
    {
        return runtime.block_on(serve::bare::answer(at));
    }
    let [what, server, worker, phoenix, monitor, ..] = paths.as_slice() else { return usage() };
    let told = Words(words.iter().skip(5).cloned().collect());
    let (words, samples, is_short) = (&told, &Samples::of(&told.0), told.has("short"));
    match what.to_str() {
        Some("engine") => {
            runtime.block_on(engine::Scenes { server, worker, words, samples, is_short }.play());
        }
        Some("serve") => {
            let scenes = serve::Scenes { server, worker, phoenix, samples, is_short };
            runtime.block_on(scenes.play());
        }
        Some("scaling") => {
            let scenes = scaling::Scenes { server, worker, phoenix, monitor, samples, is_short };
            runtime.block_on(scenes.play());
        }
        Some("instructions") => {
            let profile = told.text("profile").map(Path::new).unwrap();
            let scenes = instructions::Scenes { server, worker, samples };
            runtime.block_on(scenes.play(profile));
        }
        Some("converge") => converge::Scenes { server, worker, phoenix, words, samples }.play(),
        Some(_) | None => usage(),
    }
}

fn usage() {
    println!(
        "usage: engine|instructions|serve|scaling|converge NATS-SERVER PHOENIX-WORKER PHOENIX MONITOR [WORD ...]"
    );
}
