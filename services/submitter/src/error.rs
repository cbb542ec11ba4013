//! How a command can end badly.

use std::io;
use std::path::PathBuf;

use phoenix_config::LibraryError;
use phoenix_domain::Vmid;
use thiserror::Error;

/// The command line makes no sense (`EX_USAGE`).
pub(crate) const EXIT_USAGE: u8 = 64;
/// It could not be done.
const EXIT_FAILED: u8 = 1;
/// The configuration is refused.
pub(crate) const EXIT_REFUSED: u8 = 3;
/// There is no such thing.
const EXIT_NOT_FOUND: u8 = 5;

/// How a command can end badly.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// No folder has a configuration in it.
    #[error("there is no configuration in {}", looked_in.join(", "))]
    NoConfig { looked_in: Vec<String> },
    /// The configuration has errors.
    #[error("the configuration is refused: {errors} {}", if *errors == 1 { "error" } else { "errors" })]
    Refused { errors: usize },
    /// A guest that is not there was asked for.
    #[error("there is no guest {asked}")]
    NoSuchGuest { asked: Vmid, near: Vec<String> },
    /// A code that is not there was asked for.
    #[error("there is no code `{code}`")]
    NoSuchCode { code: String },
    /// A feature could not be read.
    #[error("the feature library cannot be used")]
    Library(#[from] LibraryError),
    /// This version cannot publish.
    #[error("nothing was published: this version has no connection to NATS yet")]
    CannotPublish,
    /// A value could not be written as JSON.
    #[error("the result cannot be written as JSON")]
    NotJson(#[from] serde_json::Error),
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    FileNotWritten {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
    /// The output could not be written.
    #[error("the output cannot be written")]
    NotWritten(#[from] io::Error),
}

impl CommandError {
    /// Returns the exit code it ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NoConfig { .. } | Self::Refused { .. } => EXIT_REFUSED,
            Self::NoSuchGuest { .. } | Self::NoSuchCode { .. } => EXIT_NOT_FOUND,
            Self::Library(_)
            | Self::CannotPublish
            | Self::NotJson(_)
            | Self::FileNotWritten { .. }
            | Self::NotWritten(_) => EXIT_FAILED,
        }
    }

    /// Returns what to do.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::NoConfig { .. } => vec![
                "name the folder: `--config DIR`, or PHOENIX_CONFIG_DIR".to_owned(),
                "the folder holds phoenix_hypervisor_config.json, and phoenix_lxc_configs.json or phoenix_vm_configs.json".to_owned(),
            ],
            Self::Refused { .. } => vec!["`phoenix check` says what is wrong and what to do".to_owned()],
            Self::NoSuchGuest { near, .. } if near.is_empty() => {
                vec!["`phoenix config show` lists all guests".to_owned()]
            }
            Self::NoSuchGuest { near, .. } => vec![format!("did you mean {}?", near.join(" or "))],
            Self::NoSuchCode { .. } => vec!["`phoenix explain` lists all codes".to_owned()],
            Self::CannotPublish => {
                vec!["`--dry-run` shows what would be published".to_owned()]
            }
            Self::Library(_) => vec!["mend its feature.json, or take the folder away".to_owned()],
            Self::NotJson(_) | Self::FileNotWritten { .. } | Self::NotWritten(_) => Vec::new(),
        }
    }
}
