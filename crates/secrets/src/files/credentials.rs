//! What systemd hands to a service: one file a secret, in a folder that is gone with the service.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::error::Failure;
use crate::value;

use super::guarded::{Audience, read};

/// What stands for `/`, which the name of a credential may not have. No name of a secret has it.
const SLASH: &str = "~";

/// The folder that `$CREDENTIALS_DIRECTORY` names.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    folder: PathBuf,
}

impl Credentials {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn fetch(&self, name: &str) -> Result<Option<SecretString>, Failure> {
        let path = self.folder.join(name.replace('/', SLASH));
        let Some(bytes) = read(&path, Audience::ItsGroup)? else { return Ok(None) };
        Ok(Some(value::line(&bytes)?))
    }
}
