//! Reads a file that nobody else may read.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use thiserror::Error;
use zeroize::Zeroizing;

/// More than this is no file of secrets; systemd hands out no longer ones either.
const LIMIT: usize = 1 << 20;

/// Why a file of secrets is not read. Nothing of what it holds is in here.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// It is something else.
    #[error("{} is {what}, and only a file is read", path.display())]
    NoFile {
        /// Which file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Others can read it.
    #[error("{} can be read or written by others: its mode is {mode:03o}, and may be {may:03o} at most", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What it is.
        mode: u32,
        /// What it may be.
        may: u32,
    },
    /// Whoever owns it can change who may read it.
    #[error("{} belongs to user {owner}, and should to root or to user {us}, who reads it", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who reads it.
        us: u32,
    },
    /// Nobody has that many secrets.
    #[error("{} is longer than 1 MiB", path.display())]
    Long {
        /// Which file.
        path: PathBuf,
    },
    /// What it holds is otherwise than agreed.
    #[error("{}:{line}:{column} is not as in `{{\"phoenix/prod/hf_token\": \"…\"}}`", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A token file of which nobody knows how it is to be read.
    #[error("{} has no line {wanted}", path.display())]
    NoToken {
        /// Which file.
        path: PathBuf,
        /// What it should have.
        wanted: &'static str,
    },
    /// The disk does not answer.
    #[error("reading took longer than {seconds} s, so that nobody waits for it")]
    TooSlow {
        /// How long it was waited for.
        seconds: u64,
    },
}

impl FileError {
    /// Returns what a human can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Unreadable { path, .. } | Self::Long { path } => {
                format!("look at it: `ls -l {}`", path.display())
            }
            Self::NoFile { path, .. } => {
                format!("put the file itself there, with mode 600: `ls -l {}`", path.display())
            }
            Self::Open { path, may, .. } => format!("`chmod {may:03o} {}`", path.display()),
            Self::Foreign { path, us, .. } => format!("`chown {us} {}`", path.display()),
            Self::Malformed { path, .. } => format!(
                "`jq empty {}` says more; every value is a text or an object",
                path.display()
            ),
            Self::NoToken { path, wanted } => {
                format!("write a line {wanted} into {}", path.display())
            }
            Self::TooSlow { .. } => "look at the disk it is on".to_owned(),
        }
    }
}

/// Who besides its owner may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Nobody.
    Nobody,
    /// Its group. This is also how a permission that systemd gives to one user looks.
    ItsGroup,
    /// Its group, where root has given the file to that: to root's own, as systemd does, or to the one of
    /// who reads it, as packages do for a service. A person's group may have others in it.
    GivenByRoot,
}

impl Audience {
    /// Returns the most that may be allowed of a file of this user and group.
    fn most(self, owner: u32, group: u32) -> u32 {
        let is_given = owner == 0 && (group == 0 || group == getegid().as_raw());
        match self {
            Self::ItsGroup => 0o640,
            Self::GivenByRoot if is_given => 0o640,
            Self::GivenByRoot | Self::Nobody => 0o600,
        }
    }
}

/// Says whether a file is there, and refuses one that others than those it is for can read.
pub fn is_guarded(path: &Path, audience: Audience) -> Result<bool, FileError> {
    Ok(read(path, audience)?.is_some())
}

/// Returns what a file holds, or nothing where there is none.
///
/// What is looked at is what was opened, so that nobody can exchange it in between. A link at the end
/// of the path is not followed, and opening does not wait for whoever writes to a pipe.
pub(crate) fn read(
    path: &Path,
    audience: Audience,
) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let unreadable = |err: Errno| FileError::Unreadable { path: path.to_owned(), err: err.into() };
    let no_file = |what| FileError::NoFile { path: path.to_owned(), what };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match open(path, flags | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(no_file("a symbolic link")),
        Err(Errno::NXIO) => return Err(no_file("a socket")),
        Err(err) => return Err(unreadable(err)),
    };
    let seen = fstat(file.as_fd()).map_err(unreadable)?;
    match FileType::from_raw_mode(seen.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(no_file("a folder")),
        FileType::Fifo => return Err(no_file("a pipe")),
        FileType::Symlink => return Err(no_file("a symbolic link")),
        FileType::Socket => return Err(no_file("a socket")),
        FileType::CharacterDevice | FileType::BlockDevice => return Err(no_file("a device")),
        FileType::Unknown => return Err(no_file("something unknown")),
    }
    let us = geteuid().as_raw();
    if seen.st_uid != 0 && seen.st_uid != us {
        return Err(FileError::Foreign { path: path.to_owned(), owner: seen.st_uid, us });
    }
    let mode = seen.st_mode & 0o777;
    // What its owner may do with it is the owner's business.
    let may = audience.most(seen.st_uid, seen.st_gid);
    if mode & 0o077 & !may != 0 {
        return Err(FileError::Open { path: path.to_owned(), mode, may });
    }
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let room = usize::try_from(seen.st_size).unwrap_or(LIMIT).min(LIMIT) + 64;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let taken = file.take(LIMIT as u64 + 1).read_to_end(&mut bytes);
    taken.map_err(|err| FileError::Unreadable { path: path.to_owned(), err })?;
    if bytes.len() > LIMIT {
        return Err(FileError::Long { path: path.to_owned() });
    }
    Ok(Some(bytes))
}
