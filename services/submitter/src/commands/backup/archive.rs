//! The file of a backup: a tar of one copy a stream, and of a list of them that is written last.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use phoenix_bus::CopyOf;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, EntryWriter, Header};

use super::BackupError;
use crate::words;

const LIST: &str = "backup.json";
/// How much is put back at once.
const CHUNK: usize = 128 * 1024;

/// What is in a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: String,
    kind: String,
    /// The version of Phoenix that has written it.
    phoenix: String,
    /// The version of the server it is of.
    nats_server: String,
    taken: DateTime<Utc>,
    copies: Vec<Listed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    #[serde(flatten)]
    copy: CopyOf,
    sha256: String,
}

/// A backup that is being written. It has its name once it is whole.
pub(super) struct Writer {
    path: PathBuf,
    beside: Beside,
    tar: Builder<File>,
    /// Of the copy that is being written.
    header: Header,
    copies: Vec<Listed>,
}

/// What has no name yet. It is gone with whoever does not come to an end.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // What has its name by now is not there any more.
        let _gone = fs::remove_file(&self.0);
    }
}

impl Writer {
    pub(super) fn begin(path: &Path) -> Result<Self, BackupError> {
        if path.exists() {
            return Err(BackupError::There { path: path.to_owned() });
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let open = || {
            if beside.exists() {
                // One that was killed has left it.
                fs::remove_file(&beside)?;
            }
            File::options().write(true).read(true).create_new(true).mode(0o600).open(&beside)
        };
        let file = open().map_err(|err| not_written(path, err))?;
        let beside = Beside(beside);
        let (tar, header, copies) = (Builder::new(file), regular(), Vec::new());
        Ok(Self { path: path.to_owned(), beside, tar, header, copies })
    }

    /// Begins the copy of a stream.
    pub(super) fn entry(&mut self, stream: &str) -> Result<Entry<'_>, BackupError> {
        let Self { path, tar, header, .. } = self;
        *header = regular();
        let to = tar.append_writer(header, stream).map_err(|err| not_written(path, err))?;
        Ok(Entry { to, path, sum: Sha256::new() })
    }

    /// Lists a copy that was written.
    pub(super) fn noted(&mut self, copy: CopyOf, sha256: String) {
        self.copies.push(Listed { copy, sha256 });
    }

    /// Writes the list, and gives the file its name.
    pub(super) fn end(mut self, server: &str, taken: DateTime<Utc>) -> Result<(), BackupError> {
        let list = List {
            api_version: "phoenix.dev/v1".to_owned(),
            kind: "Backup".to_owned(),
            phoenix: env!("CARGO_PKG_VERSION").to_owned(),
            nats_server: server.to_owned(),
            taken,
            copies: std::mem::take(&mut self.copies),
        };
        let path = self.path.clone();
        let end = || -> io::Result<()> {
            let text = serde_json::to_vec_pretty(&list)?;
            let mut header = regular();
            header.set_size(text.len() as u64);
            header.set_cksum();
            self.tar.append_data(&mut header, LIST, text.as_slice())?;
            self.tar.into_inner()?.sync_all()?;
            fs::rename(&self.beside.0, &self.path)
        };
        end().map_err(|err| not_written(&path, err))
    }
}

/// A copy that is being written.
pub(super) struct Entry<'w> {
    to: EntryWriter<'w>,
    path: &'w Path,
    sum: Sha256,
}

impl Entry<'_> {
    pub(super) fn take(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.sum.update(chunk);
        self.to.write_all(chunk)
    }

    /// Says how long it is, and returns its digest.
    pub(super) fn end(self) -> Result<String, BackupError> {
        self.to.finish().map_err(|err| not_written(self.path, err))?;
        Ok(words::hex(&self.sum.finalize()))
    }
}

const NOT_OURS: &str = "`phoenix backup` has not written it";

/// A backup that was read and is whole.
pub(super) struct Archive {
    path: PathBuf,
    taken: DateTime<Utc>,
    copies: Vec<CopyOf>,
}

impl Archive {
    /// Reads all of it once.
    pub(super) fn check(path: &Path) -> Result<Self, BackupError> {
        let damaged =
            |why: &str| BackupError::Damaged { path: path.to_owned(), why: why.to_owned() };
        let mut tar = open(path)?;
        let (mut sums, mut list) = (Vec::new(), None);
        let entries = tar.entries().map_err(|err| damaged(&err.to_string()))?;
        for entry in entries {
            // What stands in a file of another kind is not said: it may move the cursor.
            let mut entry = entry.map_err(|err| {
                let is_other = sums.is_empty();
                damaged(&if is_other { NOT_OURS.to_owned() } else { err.to_string() })
            })?;
            let name = entry.path().map_err(|err| damaged(&err.to_string()))?;
            let name = name.to_string_lossy().into_owned();
            if name == LIST {
                let read = serde_json::from_reader::<_, List>(&mut entry);
                list = Some(read.map_err(|err| damaged(&err.to_string()))?);
            } else {
                let mut sum = Sha256::new();
                let read = io::copy(&mut entry, &mut Summing(&mut sum));
                read.map_err(|err| damaged(&err.to_string()))?;
                sums.push((name, words::hex(&sum.finalize())));
            }
        }
        let Some(list) = list else { return Err(damaged("its end is missing")) };
        if list.kind != "Backup" || list.api_version != "phoenix.dev/v1" {
            return Err(damaged("another version of Phoenix has written it, or another program"));
        }
        for listed in &list.copies {
            let is_whole =
                sums.iter().any(|(name, sum)| *name == listed.copy.stream && *sum == listed.sha256);
            if !is_whole {
                return Err(damaged(&format!("{} is not as it was written", listed.copy.stream)));
            }
        }
        let copies = list.copies.into_iter().map(|listed| listed.copy).collect();
        Ok(Self { path: path.to_owned(), taken: list.taken, copies })
    }

    pub(super) fn copies(&self) -> &[CopyOf] {
        &self.copies
    }

    pub(super) fn taken(&self) -> DateTime<Utc> {
        self.taken
    }

    /// Begins to read the copy of a stream.
    pub(super) fn chunks(&self, stream: &str) -> Result<Chunks, BackupError> {
        let mut tar = open(&self.path)?;
        let not_read = |err| BackupError::NotRead { path: self.path.clone(), err };
        let mut place = None;
        for entry in tar.entries().map_err(not_read)? {
            let entry = entry.map_err(not_read)?;
            if entry.path().map_err(not_read)?.as_os_str() == stream {
                place = Some((entry.raw_file_position(), entry.size()));
            }
        }
        let (begin, size) = place.ok_or_else(|| not_read(io::ErrorKind::NotFound.into()))?;
        let mut file = tar.into_inner();
        io::Seek::seek(&mut file, io::SeekFrom::Start(begin)).map_err(not_read)?;
        Ok(Chunks(file.take(size)))
    }
}

/// A copy that is being read.
pub(super) struct Chunks(io::Take<File>);

impl Chunks {
    /// Returns the next part, as long as there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut chunk = Vec::new();
        let length = (&mut self.0).take(CHUNK as u64).read_to_end(&mut chunk)?;
        Ok((length > 0).then_some(chunk))
    }
}

struct Summing<'s>(&'s mut Sha256);

impl Write for Summing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn regular() -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    header
}

fn open(path: &Path) -> Result<tar::Archive<File>, BackupError> {
    let file = File::open(path);
    let file = file.map_err(|err| BackupError::NotRead { path: path.to_owned(), err })?;
    Ok(tar::Archive::new(file))
}

fn not_written(path: &Path, err: io::Error) -> BackupError {
    BackupError::NotWritten { path: path.to_owned(), err }
}
