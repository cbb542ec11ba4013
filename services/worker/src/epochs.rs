//! How far the log of each guest had come when this host last worked on it.
//!
//! A log that is behind that was wiped or restored from an old copy. It may ask for what was
//! overtaken long ago, so nothing is destroyed on its word alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use phoenix_domain::GuestKey;

/// The folder with one small file a guest.
#[derive(Clone, Debug)]
pub(crate) struct Epochs {
    folder: PathBuf,
}

impl Epochs {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Returns the last sequence this host has seen of a guest's log; 0 when it has seen none.
    pub(crate) fn last(&self, guest: GuestKey) -> u64 {
        fs::read_to_string(self.file(guest))
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Takes note of a sequence. It is not forced to disk: a note that is lost makes us less
    /// careful, never wrong.
    pub(crate) fn note(&self, guest: GuestKey, seq: u64) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).truncate(false).write(true).open(self.file(guest))?;
        // Of one length always, so that it is overwritten as a whole.
        file.write_all(format!("{seq:020}\n").as_bytes())
    }

    fn file(&self, guest: GuestKey) -> PathBuf {
        self.folder.join(guest.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_and_a_torn_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let epochs = Epochs::open(folder.path()).unwrap();
        let guest = "lxc-950".parse().unwrap();

        assert_eq!(epochs.last(guest), 0);
        epochs.note(guest, 123_456).unwrap();
        epochs.note(guest, 7).unwrap();
        assert_eq!(epochs.last(guest), 7);

        fs::write(folder.path().join("lxc-950"), b"\0\0\0").unwrap();
        assert_eq!(epochs.last(guest), 0);
    }
}
