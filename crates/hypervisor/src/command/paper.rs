//! What a process prints on: a file in memory. A pipe would make a tool die whose starter is gone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use tracing::debug;

use crate::Ear;
use crate::veil::Veil;

/// How much of what was not heard yet is heard at once; of more, only the end.
const GULP: u64 = 64 * 1024;
/// How long a line may be that is heard whole.
const LINE: usize = 500;

/// A file in memory that goes when its last holder ends.
pub(super) struct Paper {
    file: File,
    /// Up to where it was heard.
    heard: u64,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
}

impl Paper {
    pub(super) fn new() -> io::Result<Self> {
        let file = memfd_create("phoenix-output", MemfdFlags::CLOEXEC)?.into();
        Ok(Self { file, heard: 0, begun: Vec::new() })
    }

    /// Returns the same file, for who writes on it.
    pub(super) fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Gives the memory back that its beginning takes. The end stays where it is.
    pub(super) fn forget_all_but(&self, kept: u64) {
        let gone = self.length().saturating_sub(kept);
        if gone > 0 {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            if let Err(err) = fallocate(&self.file, hole, 0, gone) {
                debug!(%err, "what was printed long ago stays");
            }
        }
    }

    /// Returns the end of what stands on it, as it may be shown.
    pub(super) fn end(&self, most: u64, veil: &Veil) -> String {
        let length = self.length();
        let from = length.saturating_sub(most);
        let text = self.read(from, length);
        if from == 0 { veil.over(&text) } else { veil.over_rest(&text) }
    }

    /// Tells the lines that have come since, as they may be shown.
    pub(super) fn tell(&mut self, ear: &Ear, veil: &Veil) {
        let length = self.length();
        if length.saturating_sub(self.heard) > GULP {
            ear.hear("(too much at once: some lines are left out)");
            self.heard = length - GULP;
            // The rest of a line that began where nobody listened.
            self.begun.clear();
            let skipped = self.bytes(self.heard, length);
            let to_end =
                skipped.iter().position(|byte| *byte == b'\n').map_or(skipped.len(), |at| at + 1);
            self.heard += u64::try_from(to_end).unwrap_or_default();
        }
        let new = self.bytes(self.heard, length);
        self.heard = self.heard.max(length);
        self.begun.extend(new);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<_> = self.begun.drain(..=end).collect();
            tell_line(&line, ear, veil);
        }
    }

    /// Tells what is left, once nothing will come any more.
    pub(super) fn tell_rest(&mut self, ear: &Ear, veil: &Veil) {
        self.tell(ear, veil);
        let line = std::mem::take(&mut self.begun);
        tell_line(&line, ear, veil);
    }

    fn length(&self) -> u64 {
        self.file.metadata().map(|metadata| metadata.len()).unwrap_or_default()
    }

    fn read(&self, from: u64, to: u64) -> String {
        // It is for people; what cannot be read is left out.
        String::from_utf8_lossy(&self.bytes(from, to)).into_owned()
    }

    fn bytes(&self, from: u64, to: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or_default()];
        match self.file.read_exact_at(&mut bytes, from) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }
}

fn tell_line(line: &[u8], ear: &Ear, veil: &Veil) {
    if let Some(line) = spoken(&String::from_utf8_lossy(line), veil) {
        ear.hear(&line);
    }
}

/// Returns a line as it may be told, if it says anything: of what was written over itself, the last;
/// and nothing that moves a cursor.
pub(crate) fn spoken(line: &str, veil: &Veil) -> Option<String> {
    let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
    let shown = veil.over(line);
    let plain: String = shown.chars().filter(|one| !one.is_control()).take(LINE).collect();
    (!plain.trim().is_empty()).then_some(plain)
}
