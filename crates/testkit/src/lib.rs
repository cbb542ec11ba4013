//! What several crates' tests share. Nothing here ships.

pub mod actor;
pub mod forge;
mod guest;
pub mod host;
pub mod lxc;
pub mod moto;
pub mod nats;
pub mod network;
mod pack;
mod purse;
pub mod pve;
pub mod samples;
pub mod worker;

pub use guest::{Builder, guest, machine};
pub use pack::pack;
pub use purse::Purse;
