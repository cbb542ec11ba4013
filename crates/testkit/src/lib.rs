//! What several crates' tests share. Nothing here ships.

pub mod actor;
mod guest;
pub mod nats;

pub use guest::{Builder, guest, machine};
