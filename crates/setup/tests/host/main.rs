//! A host is set up as its file says: on a real Debian, whose own programs judge what is written for
//! them, with strict doubles of what a Proxmox node has besides.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]

mod bridge;
mod cut;
mod hand;
mod machine;
mod reboot;
mod refused;
mod struck;
mod upgrade;
mod verify;
mod volumes;
mod whole;
