//! Writes what others read: they see the old one or the new one, also after the power was lost.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

/// A mode, and the numbers of an owner.
pub(crate) type Rights = Option<(u32, (u32, u32))>;

/// Replaces a file.
pub(crate) fn whole(path: &Path, text: &str, rights: Rights) -> io::Result<()> {
    put(path, text, rights, |_| Ok::<(), Never>(())).map_err(|refused| match refused {
        Refused::Unwritten(err) => err,
        Refused::Unaccepted(never) => match never {},
    })
}

/// Why a file was not replaced.
#[derive(Debug)]
pub(crate) enum Refused<E> {
    /// It cannot be written.
    Unwritten(io::Error),
    /// Whoever looked at it first does not take it.
    Unaccepted(E),
}

/// A reason that nobody has.
#[derive(Debug)]
pub(crate) enum Never {}

impl<E> From<io::Error> for Refused<E> {
    fn from(err: io::Error) -> Self {
        Self::Unwritten(err)
    }
}

/// Replaces a file, once somebody has accepted what is to be in it.
pub(crate) fn put<E>(
    path: &Path,
    text: &str,
    rights: Rights,
    accept: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), Refused<E>> {
    let beside = beside(path);
    let written = || {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&beside)?;
        if rights.is_some() {
            // Nobody reads it before it is as it is to be.
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        file.write_all(text.as_bytes())?;
        if let Some((mode, (uid, gid))) = rights {
            chown(&beside, Some(uid), Some(gid))?;
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.sync_data()?;
        accept(&beside).map_err(Refused::Unaccepted)?;
        fs::rename(&beside, path)?;
        sync_folder(path)?;
        Ok(())
    };
    let written = written();
    if written.is_err() {
        // What could not be written cannot be removed either, or it is gone.
        drop(fs::remove_file(&beside));
    }
    written
}

/// Has a symbolic link lead somewhere.
pub(crate) fn link(path: &Path, target: &str) -> io::Result<()> {
    let beside = beside(path);
    match fs::remove_file(&beside) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        Ok(()) | Err(_) => {}
    }
    symlink(target, &beside)?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Has it on the disk that something of a folder came or went.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    match File::open(folder)?.sync_all() {
        // The file system of a cluster has its own way.
        Err(err) if err.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => Ok(()),
        synced => synced,
    }
}

/// Returns the name of what is not in its place yet. Folders of which every file is read leave out
/// what begins with a dot and ends so.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".phoenix-new~");
    path.with_file_name(name)
}
