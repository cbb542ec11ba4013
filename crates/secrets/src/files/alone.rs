//! A file that holds one secret and nothing else.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use thiserror::Error;

use crate::value::{self, ValueError};

use super::guarded::{Audience, FileError, read};

/// Why the one secret of a file cannot be had. Nothing of what it holds is in here.
#[derive(Debug, Error)]
pub enum AloneError {
    /// There is no such file.
    #[error("there is no {}", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// It is not read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What it holds is no secret.
    #[error("{} cannot be used: {err}", path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// Why.
        err: ValueError,
    },
}

impl AloneError {
    /// Returns what a human can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Missing { path } => {
                format!("write the secret into it, with mode 600: `ls -l {}`", path.display())
            }
            Self::File(err) => err.advice(),
            Self::Value { path, .. } => {
                format!("write the secret into {}, on one line", path.display())
            }
        }
    }
}

/// Returns the one secret of a file, which nobody but its owner may read, and those root has given it to.
pub fn alone(path: &Path) -> Result<SecretString, AloneError> {
    let Some(bytes) = read(path, Audience::GivenByRoot)? else {
        return Err(AloneError::Missing { path: path.to_owned() });
    };
    value::line(&bytes).map_err(|err| AloneError::Value { path: path.to_owned(), err })
}
