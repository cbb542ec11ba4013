//! Whole programs over a made-up Proxmox node: real processes, files and signals, no hypervisor.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

mod canary;
mod fleet;
mod logged;
mod machines;
mod shared;
mod site;
mod survive;
mod tested;
mod traced;
mod v6;
