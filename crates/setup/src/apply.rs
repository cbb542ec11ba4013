//! Makes one change: the only place that changes a host.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use thiserror::Error;

use crate::change::{Act, FileChange, Hidden, Owner, Run};
use crate::guard::{self, Lost};
use crate::host::Host;
use crate::item::Refusal;
use crate::process;
use crate::state::State;
use crate::write::{self, Refused, Rights};

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// A file is not as it was looked at.
    #[error("{path} was changed by somebody else meanwhile")]
    Meanwhile {
        /// The file.
        path: String,
    },
    /// A program does not accept a file.
    #[error("{program} does not accept the new {path}: {why}")]
    Unaccepted {
        /// The file.
        path: String,
        /// Who looked at it.
        program: String,
        /// What it said.
        why: String,
    },
    /// Whom it is to belong to is not there.
    #[error("{path} is to belong to {}:{}, and there is no such user or group", owner.user, owner.group)]
    NoOwner {
        /// The file.
        path: String,
        /// Whom.
        owner: Owner,
    },
    /// Something could not be written.
    #[error("cannot write {path}")]
    Unwritten {
        /// What.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A command failed.
    #[error("{run}: {why}")]
    Failed {
        /// The command.
        run: String,
        /// What it said.
        why: String,
    },
    /// The way out was lost, and the change was taken back.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The host could not be looked at.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ApplyError {
    /// Returns what to do.
    pub fn advice(&self) -> String {
        match self {
            Self::Meanwhile { .. } => "start setup again: it looks anew".to_owned(),
            Self::Unaccepted { path, .. } => {
                format!("the old {path} is in its place; correct the value that it complains about")
            }
            Self::NoOwner { owner, .. } => {
                format!("make the user `{}`, or name another one", owner.user)
            }
            Self::Unwritten { .. } => {
                "see that setup runs as root and that the file system has room".to_owned()
            }
            Self::Failed { .. } => {
                "type it, and see what it says; setup goes on where it stopped".to_owned()
            }
            Self::Lost(_) => "see that the address and the gateway are right".to_owned(),
            Self::Refused(refusal) => refusal.advice.clone(),
        }
    }
}

/// Makes one change.
pub(crate) fn apply(host: &Host, state: &State, act: &Act) -> Result<(), ApplyError> {
    match act {
        Act::File(file) => match &file.guard {
            None => put(host, state, file),
            Some(by) => {
                let armed = guard::arm(host, state, file, by)?;
                put(host, state, file)?;
                Ok(armed.go(host, state)?)
            }
        },
        Act::Folder { path, mode, owner } => folder(host, path, *mode, owner),
        Act::Link { path, target } => write::link(&host.at(path), target).map_err(unwritten(path)),
        Act::NoFile { path, was } => {
            is_still(host, path, Some(was))?;
            fs::remove_file(host.at(path))
                .and_then(|()| write::sync_folder(&host.at(path)))
                .map_err(unwritten(path))
        }
        Act::Kernel { path, value, .. } => {
            let mut options = fs::OpenOptions::new();
            // The kernel's files are written where they are, in one go.
            let file = options.write(true).open(host.at(path));
            file.and_then(|mut file| file.write_all(value.as_bytes())).map_err(unwritten(path))
        }
        Act::Run(run) => self::run(host, state, run),
    }
}

/// Runs a command that has to end well.
pub(crate) fn run(host: &Host, state: &State, run: &Run) -> Result<(), ApplyError> {
    let stdin = run.stdin.as_ref().map(Hidden::expose);
    let failed = |why: String| ApplyError::Failed { run: run.to_string(), why };
    let answer = process::run(host.root(), &run.argv, stdin, Some(state.lock()), run.limit)
        .map_err(|err| failed(err.to_string()))?;
    if answer.is_good() { Ok(()) } else { Err(failed(answer.said())) }
}

fn put(host: &Host, state: &State, file: &FileChange) -> Result<(), ApplyError> {
    let FileChange { path, was, text, rights, check, guard: _ } = file;
    is_still(host, path, was.as_ref())?;
    let at = host.at(path);
    if let Some(folder) = at.parent() {
        fs::create_dir_all(folder).map_err(unwritten(path))?;
    }
    let rights = numbers(host, path, rights.as_ref())?;
    let accept = |beside: &Path| match check {
        None => Ok(()),
        Some(check) => accepted(host, state, check, path, beside),
    };
    write::put(&at, text, rights, accept).map_err(|refused| match refused {
        Refused::Unwritten(err) => unwritten(path)(err),
        Refused::Unaccepted(err) => err,
    })
}

fn accepted(
    host: &Host,
    state: &State,
    check: &[String],
    path: &str,
    beside: &Path,
) -> Result<(), ApplyError> {
    let inside = beside.strip_prefix(host.root()).unwrap_or(beside);
    let inside = format!("/{}", inside.display());
    let argv: Vec<_> = check.iter().map(|word| word.replace("{}", &inside)).collect();
    let run = Run::of(argv);
    let answer = process::run(host.root(), &run.argv, None, Some(state.lock()), run.limit);
    let why = match answer {
        Ok(answer) if answer.is_good() => return Ok(()),
        Ok(answer) => answer.said(),
        Err(err) => err.to_string(),
    };
    let program = check.first().cloned().unwrap_or_default();
    Err(ApplyError::Unaccepted { path: path.to_owned(), program, why })
}

fn folder(host: &Host, path: &str, mode: u32, owner: &Owner) -> Result<(), ApplyError> {
    let at = host.at(path);
    let rights = numbers(host, path, Some(&(mode, owner.clone())))?;
    let make = || {
        fs::create_dir_all(&at)?;
        if let Some((mode, (uid, gid))) = rights {
            chown(&at, Some(uid), Some(gid))?;
            fs::set_permissions(&at, Permissions::from_mode(mode))?;
        }
        write::sync_folder(&at)
    };
    make().map_err(unwritten(path))
}

fn is_still(host: &Host, path: &str, was: Option<&String>) -> Result<(), ApplyError> {
    if host.text(path)?.as_ref() == was {
        return Ok(());
    }
    Err(ApplyError::Meanwhile { path: path.to_owned() })
}

fn numbers(host: &Host, path: &str, rights: Option<&(u32, Owner)>) -> Result<Rights, ApplyError> {
    let Some((mode, owner)) = rights else { return Ok(None) };
    match host.ids(owner)? {
        Some(ids) => Ok(Some((*mode, ids))),
        None => Err(ApplyError::NoOwner { path: path.to_owned(), owner: owner.clone() }),
    }
}

fn unwritten(path: &str) -> impl Fn(io::Error) -> ApplyError {
    let path = path.to_owned();
    move |err| ApplyError::Unwritten { path: path.clone(), err }
}
