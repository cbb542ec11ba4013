//! One file with many secrets: `{"phoenix/prod/hf_token": "…", "phoenix/prod/redis": {…}}`.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::ValueError;
use crate::error::Failure;
use crate::value::{self, Malformed};

use super::guarded::{Audience, FileError, read};

/// A file with many secrets. It is read anew each time, so that a change counts at once.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    path: PathBuf,
}

impl Store {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn fetch(&self, name: &str) -> Result<Option<SecretString>, Failure> {
        let Some(bytes) = read(&self.path, Audience::Nobody)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| ValueError::Binary)?;
        let members = value::members(text).map_err(|Malformed { line, column }| {
            FileError::Malformed { path: self.path.clone(), line, column }
        })?;
        let Some(found) = value::member(&members, name)? else { return Ok(None) };
        Ok(Some(value::plain(found)?))
    }
}
