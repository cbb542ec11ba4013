//! What tests are built with. Nothing here ships.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]

pub mod actor;
pub mod nats;
