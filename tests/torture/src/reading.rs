//! What is there after a run, as it lies there: the ledger and the guests of the host, and the streams.
//!
//! Nothing of Phoenix reads it. What would be misread there would be misread here as well.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::field::Field;
use crate::wire::Message;

/// How a guest stands by a message that is not ours.
pub(crate) const UNREADABLE: &str = "unreadable";

/// All that is there.
pub(crate) struct Reading {
    /// What was done to the host, a line each, oldest first.
    pub(crate) ledger: Vec<Value>,
    /// The guests of the host by their names.
    pub(crate) guests: BTreeMap<String, Value>,
    /// The log.
    pub(crate) log: Vec<Message>,
    /// What the stream of the log says of itself.
    pub(crate) stream: Value,
    /// The dead letters.
    pub(crate) letters: Vec<Message>,
}

impl Reading {
    /// Reads all of a field.
    pub(crate) fn of(field: &Field) -> io::Result<Self> {
        let mut wire = field.wire()?;
        Ok(Self {
            ledger: Self::ledger(field.host.folder()),
            guests: Self::guests(field.host.folder()),
            log: wire.messages("PHOENIX_LOG")?,
            stream: wire.stream("PHOENIX_LOG")?.unwrap_or_default(),
            letters: wire.messages("PHOENIX_DEAD")?,
        })
    }

    /// Reads the ledger of a host. A line that is being written is left out.
    pub(crate) fn ledger(host: &Path) -> Vec<Value> {
        let text = fs::read_to_string(host.join("ledger.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Reads the guests of a host.
    pub(crate) fn guests(host: &Path) -> BTreeMap<String, Value> {
        let files = fs::read_dir(host.join("guests")).into_iter().flatten().flatten();
        let read = |file: fs::DirEntry| {
            let name = file.file_name().to_string_lossy().strip_suffix(".json")?.to_owned();
            let guest = serde_json::from_str(&fs::read_to_string(file.path()).ok()?).ok()?;
            Some((name, guest))
        };
        files.filter_map(read).collect()
    }

    /// Returns the events of the log in their order, each with the sequence it lies under.
    pub(crate) fn events(&self) -> Vec<(u64, Value)> {
        self.log
            .iter()
            .flat_map(|at| events(&at.body).into_iter().map(|one| (at.seq, one)))
            .collect()
    }

    /// Returns how a guest stands by the last event of it that can be read.
    pub(crate) fn stands(&self, guest: &str) -> String {
        let subject = format!("phoenix.log.main.{guest}");
        let of = self.log.iter().rev().filter(|message| message.subject == subject);
        let known = of.map(|message| stands(&message.body)).find(|stands| stands != UNREADABLE);
        known.unwrap_or_else(|| "not asked for".to_owned())
    }
}

/// Returns the events of a message; none where it is not ours.
pub(crate) fn events(body: &[u8]) -> Vec<Value> {
    match serde_json::from_slice(body) {
        Ok(Value::Array(events)) => events,
        Ok(event @ Value::Object(_)) => vec![event],
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// Returns how a guest stands after a message of its log.
pub(crate) fn stands(body: &[u8]) -> String {
    let event = events(body).pop().unwrap_or_default();
    let is = event.pointer("/data/state/work/standing/is").and_then(Value::as_str);
    is.unwrap_or(UNREADABLE).to_owned()
}

/// Returns a text of a value, or nothing of it.
pub(crate) fn text<'v>(value: &'v Value, way: &str) -> &'v str {
    value.pointer(way).and_then(Value::as_str).unwrap_or_default()
}
