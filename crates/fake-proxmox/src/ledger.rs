//! One line for the begin and one for the end of every program that was started.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::node::Node;

/// A line of the ledger.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    /// Whether the program began or ended. One that was killed never ended.
    pub event: Event,
    /// The process.
    pub pid: u32,
    /// `pct`, `qm`, ...
    pub program: String,
    /// What followed its name.
    pub argv: Vec<String>,
    /// Milliseconds of a clock that never goes back.
    pub monotonic_ms: u64,
    /// Milliseconds since 1970.
    pub wall_ms: u64,
    /// The exit code, at the end.
    pub exit: Option<u8>,
}

/// Whether a program began or ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// It was started.
    Begun,
    /// It came to its end.
    Ended,
}

/// Returns what the programs of a node were asked, in order.
pub fn ledger(root: &Path) -> io::Result<Vec<Entry>> {
    let text = match fs::read_to_string(Node::new(root).own("ledger.jsonl")) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
}

/// Writes one line in one piece.
pub(crate) fn note(node: &Node, event: Event, program: &str, argv: &[String], exit: Option<u8>) {
    let entry = Entry {
        event,
        pid: std::process::id(),
        program: program.to_owned(),
        argv: argv.to_vec(),
        monotonic_ms: clock::monotonic(),
        wall_ms: clock::wall(),
        exit,
    };
    let Ok(mut line) = serde_json::to_vec(&entry) else { return };
    line.push(b'\n');
    // A world that was taken away while a program ran is not an error of the program.
    if let Ok(mut file) = File::options().create(true).append(true).open(node.own("ledger.jsonl")) {
        file.write_all(&line).ok();
    }
}
