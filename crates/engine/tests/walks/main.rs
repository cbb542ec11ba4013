//! Walks over all steps there are, and all that will be: what is true of every one of them.

#![expect(clippy::unwrap_used, reason = "a broken fixture should stop the test")]

mod any;
mod cut;
mod goals;
mod held;
mod host;
mod refused;
mod specs;
