//! What others may count on who read the bus without Phoenix: the events, the subjects, and what
//! `docs/events.md` tells them to type.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]

mod frozen;
mod outline;
mod plain;
mod samples;
mod snippets;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Returns a place in the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Returns the committed schema of a type of event.
fn schema(kind: &str) -> Value {
    let path = repository("schemas/events").join(format!("{kind}.json"));
    let text = fs::read(&path)
        .unwrap_or_else(|err| panic!("{}: {err}; `cargo xtask schemas` writes it", path.display()));
    serde_json::from_slice(&text).unwrap()
}
