//! Who can have a secret.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Who can have a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "provider", content = "path")]
pub enum Provider {
    /// AWS Secrets Manager.
    Aws,
    /// The credentials that systemd hands to a service: the folder of them.
    Credentials(PathBuf),
    /// A file with many secrets.
    File(PathBuf),
    /// Files with one token each, as the scripts before Phoenix had them.
    TokenFiles,
    /// The memory of this process, for tests.
    Memory,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws => f.write_str("AWS Secrets Manager"),
            Self::Credentials(folder) => {
                write!(f, "the credentials of systemd in {}", folder.display())
            }
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::TokenFiles => f.write_str("the token files"),
            Self::Memory => f.write_str("memory"),
        }
    }
}
