//! Files that are written whole, and all or none.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::NatsError;
use crate::error::CommandError;

/// What a configuration begins with that is ours to change.
pub(super) const OURS: &str = "# Written by `phoenix nats init`; type that again to change it.\n";

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Everybody.
    All,
    /// Its owner.
    Owner,
}

/// A file as it should be.
struct Wanted {
    path: PathBuf,
    text: String,
    readers: Readers,
    /// Whether it is there, as something else.
    changes: bool,
}

/// Files as they should be.
#[derive(Default)]
pub(super) struct Files(Vec<Wanted>);

impl Files {
    /// Has a file be so. What is there and was written by somebody else is refused.
    pub(super) fn want(
        &mut self,
        path: PathBuf,
        text: String,
        readers: Readers,
    ) -> Result<(), NatsError> {
        let there = read(&path)?;
        if there.as_ref() == Some(&text) {
            return Ok(());
        }
        let is_config = text.starts_with(OURS);
        if there.as_ref().is_some_and(|there| is_config && !there.starts_with(OURS)) {
            return Err(NatsError::NotOurs { path });
        }
        self.0.push(Wanted { path, text, readers, changes: there.is_some() });
        Ok(())
    }

    /// Has a file be as another one is, or will be.
    pub(super) fn copy(
        &mut self,
        of: &Path,
        path: PathBuf,
        readers: Readers,
    ) -> Result<(), NatsError> {
        let coming = self.0.iter().find(|wanted| wanted.path == of);
        let text = match coming {
            Some(wanted) => Some(wanted.text.clone()),
            None => read(of)?,
        };
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let text =
            text.ok_or_else(|| NatsError::NotRead { path: of.to_owned(), err: missing() })?;
        self.want(path, text, readers)
    }

    /// Writes all that is not there yet; returns what was done, a line each.
    pub(super) fn write(self) -> Result<Vec<String>, CommandError> {
        let mut written = Vec::new();
        for wanted in &self.0 {
            let beside = beside(&wanted.path);
            let fails = |err| CommandError::FileNotWritten { path: wanted.path.clone(), err };
            wanted.write(&beside).map_err(fails)?;
            written.push(beside);
        }
        let mut lines = Vec::new();
        for (wanted, beside) in self.0.iter().zip(&written) {
            fs::rename(beside, &wanted.path)
                .map_err(|err| CommandError::FileNotWritten { path: wanted.path.clone(), err })?;
            let what = if wanted.changes { "changed" } else { "written" };
            let readers = match wanted.readers {
                Readers::All => "",
                Readers::Owner => " (keep it secret)",
            };
            lines.push(format!("{what} {}{readers}\n", wanted.path.display()));
        }
        Ok(lines)
    }
}

impl Wanted {
    fn write(&self, beside: &Path) -> io::Result<()> {
        let (mode, folder_mode) = match self.readers {
            Readers::All => (0o644, 0o755),
            Readers::Owner => (0o600, 0o755),
        };
        if let Some(folder) = self.path.parent() {
            fs::DirBuilder::new().recursive(true).mode(folder_mode).create(folder)?;
        }
        if beside.exists() {
            // One that was killed has left it.
            fs::remove_file(beside)?;
        }
        let mut file = File::options().write(true).create_new(true).mode(mode).open(beside)?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()
    }
}

/// Reads a file, if it is there.
pub(super) fn read(path: &Path) -> Result<Option<String>, NatsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(NatsError::NotRead { path: path.to_owned(), err }),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}
