//! Deliveries as senders make them, signed by what does not know how they are checked.
#![expect(clippy::unwrap_used, reason = "a broken fixture should stop the test")]

mod any_bytes;
mod bodies;
mod events;
mod mutations;
mod names;
mod pushes;
mod rules;
mod sender;
mod senders;
mod sources;
mod table;
mod vectors;
