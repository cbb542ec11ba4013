//! What benches note, line by line, for the one table that all of them are told in.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a bench that cannot note what it measured should stop"
)]

use std::cell::RefCell;
use std::fs::File;
use std::io::Write as _;

use serde_json::{Value, json};

/// Where samples go; nowhere, when nobody asks for them.
#[derive(Debug, Default)]
pub struct Samples {
    file: RefCell<Option<File>>,
}

impl Samples {
    /// Returns where these words of a command line say that they go: `samples=FILE`.
    pub fn of(words: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let path = words
            .into_iter()
            .find_map(|word| word.as_ref().strip_prefix("samples=").map(str::to_owned));
        Self { file: RefCell::new(path.map(|path| File::create(path).unwrap())) }
    }

    /// Notes what was measured of a contender in a round. Who is noted first of something is who the others are
    /// compared with, round by round. More is better where the unit ends in `/s`, less is everywhere else.
    pub fn note(&self, round: usize, what: &str, contender: &str, (value, unit): (f64, &str)) {
        self.line(&json!({
            "round": round, "what": what, "contender": contender, "value": value, "unit": unit,
        }));
    }

    /// Notes that something was not measured, and why.
    pub fn not_run(&self, what: &str, why: &str) {
        self.line(&json!({ "not_run": format!("{what}: {why}") }));
    }

    fn line(&self, line: &Value) {
        if let Some(file) = &mut *self.file.borrow_mut() {
            writeln!(file, "{line}").unwrap();
        }
    }
}
