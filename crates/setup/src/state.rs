//! What setup remembers: that it is alone, what it did, what it has settled.
//!
//! Nothing here is trusted where the host itself can be asked.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::host::Host;
use crate::write;

/// Where it is, on the host.
pub(crate) const FOLDER: &str = "/var/lib/phoenix/setup";

/// Why setup cannot remember.
#[derive(Debug, Error)]
pub enum StateError {
    /// Another setup is at work, or something that one began.
    #[error("another setup is at work on this host, or something that it began")]
    Held,
    /// A file cannot be used.
    #[error("cannot use {}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
}

/// What setup remembers; it holds the lock.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    lock: File,
    journal: File,
}

/// A line of the journal.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) at: String,
    /// Which boot of the host it was.
    pub(crate) boot: &'a str,
    pub(crate) item: &'a str,
    pub(crate) what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<&'a str>,
}

impl State {
    /// Takes the lock and opens the journal.
    pub fn open(host: &Host) -> Result<Self, StateError> {
        let folder = host.at(FOLDER);
        fs::create_dir_all(&folder).map_err(unusable(&folder))?;
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).read(true).write(true).open(&path);
        let lock = lock.map_err(unusable(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Held),
            Err(TryLockError::Error(err)) => return Err(unusable(&path)(err)),
        }
        let path = folder.join("journal.jsonl");
        let journal = journal(&path).map_err(unusable(&path))?;
        Ok(Self { folder, lock, journal })
    }

    /// Returns the lock, for what is started under it.
    pub(crate) fn lock(&self) -> &File {
        &self.lock
    }

    /// Returns the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a line into the journal, and waits until it is on the disk.
    pub(crate) fn note(&mut self, line: &Line<'_>) -> Result<(), StateError> {
        let path = self.folder.join("journal.jsonl");
        let mut text = serde_json::to_string(line).map_err(|err| unusable(&path)(err.into()))?;
        text.push('\n');
        let written =
            self.journal.write_all(text.as_bytes()).and_then(|()| self.journal.sync_data());
        written.map_err(unusable(&path))
    }

    /// Says whether this has been settled.
    pub(crate) fn is_settled(&self, item: &str, digest: &str) -> bool {
        is_settled(&self.folder, item, digest)
    }

    /// Forgets what was settled of an item: something of it is about to change.
    pub(crate) fn unsettle(&self, item: &str) -> Result<(), StateError> {
        let path = stamp(&self.folder, item);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(unusable(&path)(err)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Remembers that this has been settled.
    pub(crate) fn settle(&self, item: &str, digest: &str) -> Result<(), StateError> {
        let path = stamp(&self.folder, item);
        write::whole(&path, digest, None).map_err(unusable(&path))
    }
}

/// Says whether this has been settled, to those who do not hold the lock.
pub(crate) fn is_settled(folder: &Path, item: &str, digest: &str) -> bool {
    fs::read_to_string(stamp(folder, item)).is_ok_and(|settled| settled == digest)
}

/// Returns the digest of texts, in their order.
pub fn digest<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        let text = text.as_ref();
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    let mut text = String::new();
    for byte in digest.finalize() {
        // A String takes everything that is written to it.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

fn stamp(folder: &Path, item: &str) -> PathBuf {
    folder.join(format!("{}.settled", item.replace('/', "-")))
}

fn journal(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // Who was killed left half a line: it stays what it is, and the next is a line of its own.
    let is_torn = fs::read(path)?.last().is_some_and(|byte| *byte != b'\n');
    if is_torn {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |err| StateError::Unusable { path, err }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(what: &str) -> Line<'_> {
        Line { at: "t".to_owned(), boot: "b", item: "i", what, change: None, why: None }
    }

    #[test]
    fn two_setups_never_work_together() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::new(root.path());

        let first = State::open(&host).unwrap();

        assert!(matches!(State::open(&host), Err(StateError::Held)));
        drop(first);
        assert!(State::open(&host).is_ok());
    }

    #[test]
    fn half_a_line_stays_alone() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::new(root.path());
        State::open(&host).unwrap().note(&line("begun")).unwrap();
        let path = host.at("/var/lib/phoenix/setup/journal.jsonl");
        let torn = fs::read_to_string(&path).unwrap() + "{\"at\":";
        fs::write(&path, torn).unwrap();

        State::open(&host).unwrap().note(&line("made")).unwrap();

        let text = fs::read_to_string(&path).unwrap();
        let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert_eq!(text.lines().map(read).collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn what_was_settled_is_no_other_text() {
        let root = tempfile::tempdir().unwrap();
        let state = State::open(&Host::new(root.path())).unwrap();

        state.settle("samba", &digest(["a", "bc"])).unwrap();

        assert!(state.is_settled("samba", &digest(["a", "bc"])));
        assert!(!state.is_settled("samba", &digest(["ab", "c"])));
        state.unsettle("samba").unwrap();
        assert!(!state.is_settled("samba", &digest(["a", "bc"])));
    }
}
