//! What earlier versions have stored in NATS, and what becomes of it.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

mod fleet;
mod forward;
mod freeze;
mod layout;
mod read;
