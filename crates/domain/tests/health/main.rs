//! The rules of health: readings in, repairs and calls for humans out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]
#![expect(clippy::needless_pass_by_value, reason = "what is found is written where it is read")]

mod acks;
mod budget;
mod common_cause;
mod judge;
mod ladder;
mod laws;
mod limits;
mod prospect;
mod ward;
mod week;
