//! Kernel locks: one hand at a guest, whatever is killed.
//!
//! The lock belongs to the open file, and every child inherits that: when a worker is killed, the
//! change it had begun still holds the guest until its last process ends. There is no clock in it
//! and nothing to clean up.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phoenix_domain::TraceParent;
use thiserror::Error;

use crate::{Ear, Patience, Scarce};

/// A lock that is held.
#[derive(Debug)]
pub struct Lock {
    file: Arc<File>,
}

/// The locks under which changes are made: children inherit them.
#[derive(Clone, Debug, Default)]
pub struct Hand {
    locks: Vec<Arc<File>>,
    urgency: usize,
    ear: Option<Ear>,
    trace: Option<TraceParent>,
    patience: Option<Patience>,
}

/// Why a lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody holds it.
    #[error("{} is held", path.display())]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be used.
    #[error("cannot lock {}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
}

impl Lock {
    /// Takes the lock if nobody holds it.
    pub fn try_take(path: &Path) -> Result<Self, LockError> {
        let unusable = |err| LockError::Unusable { path: path.to_owned(), err };
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(path);
        let file = file.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file: Arc::new(file) }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { path: path.to_owned() }),
            Err(TryLockError::Error(err)) => Err(unusable(err)),
        }
    }
}

impl Hand {
    /// Returns the hand that holds these locks.
    pub fn holding<'l>(locks: impl IntoIterator<Item = &'l Lock>) -> Self {
        let locks = locks.into_iter().map(|lock| Arc::clone(&lock.file)).collect();
        Self { locks, ..Self::default() }
    }

    /// Returns the hand that so many guests, one upon the other, wait for.
    #[must_use]
    pub fn urgent(self, urgency: usize) -> Self {
        Self { urgency, ..self }
    }

    /// Returns the hand that lets this one hear what is said at its work.
    #[must_use]
    pub fn heard_by(self, ear: Ear) -> Self {
        Self { ear: Some(ear), ..self }
    }

    /// Returns the hand that works in this trace.
    #[must_use]
    pub fn in_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// Returns the hand whose waits are counted here.
    #[must_use]
    pub fn counted_by(self, patience: Patience) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// Counts how long it has waited for something, where somebody wants to know.
    pub fn has_waited(&self, scarce: Scarce, waited: Duration) {
        if let Some(patience) = &self.patience {
            patience.add(scarce, waited);
        }
    }

    /// Returns the trace it works in.
    pub(crate) fn trace(&self) -> Option<TraceParent> {
        self.trace
    }

    /// Returns who hears what is said at its work.
    pub(crate) fn ear(&self) -> Option<&Ear> {
        self.ear.as_ref()
    }

    /// Returns how many guests, one upon the other, wait for it.
    pub fn urgency(&self) -> usize {
        self.urgency
    }

    /// Returns the hand that holds this lock as well.
    #[must_use]
    pub fn and(&self, lock: &Lock) -> Self {
        let locks = self.locks.iter().chain([&lock.file]).map(Arc::clone).collect();
        Self { locks, ..self.clone() }
    }

    /// Returns the hand for a command that leaves a process behind: it would hold the locks for as long
    /// as that lives. What it does must be refused while it is done already.
    #[must_use]
    pub(crate) fn empty(&self) -> Self {
        Self { locks: Vec::new(), ..self.clone() }
    }

    /// Returns the open files a child has to inherit.
    pub fn files(&self) -> &[Arc<File>] {
        &self.locks
    }
}
