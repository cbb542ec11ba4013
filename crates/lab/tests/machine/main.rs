//! A real virtual machine: what its agent answers, and what becomes of jobs in it.
//!
//! What it is made of is made by `cargo xtask test`. A boot takes seconds, so that several promises are
//! kept by one machine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should stop the test")]

mod jobs;
mod seeds;
mod site;
mod talks;
