//! What several crates' tests share.

mod guest;

pub use guest::{Builder, guest, machine};
