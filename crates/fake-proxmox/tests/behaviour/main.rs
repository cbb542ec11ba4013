//! What the double does beside answering: locks, crashes, faults, files, storages, guests.
//!
//! Real processes, real signals; nothing is left running.

#![expect(
    clippy::disallowed_methods,
    reason = "the programs of the double are started by the tests themselves"
)]
#![expect(clippy::unwrap_used, reason = "a broken fixture should stop the test")]

mod crash;
mod faults;
mod guests;
mod locks;
mod node;
mod programs;
mod storages;
