//! A server for tests that replays what real servers were recorded to say.
//!
//! It is no model of them: it knows the answers of one state after the other, and goes to the next when
//! the test says so. Nothing here ships.

mod asked;
mod door;
mod scenarios;
mod scene;
mod server;

pub use asked::Asked;
pub use scenarios::named;
pub use scene::{Door, Page, Says, Scene};
pub use server::Replay;
