//! Walks on a Proxmox node. The node is a double; its commands are real processes, its guests real
//! folders that are really entered.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]

mod again;
mod built;
mod cut;
mod facts;
mod host;
mod images;
mod machines;
mod pairs;
