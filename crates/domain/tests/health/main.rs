//! The rules of health: readings in, repairs and calls for humans out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture should stop the test")]

mod common_cause;
mod judge;
mod ladder;
mod laws;
mod limits;
mod ward;
mod week;
