//! Why a feature was not tried to the end.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use phoenix_lab::{LabError, TrialError};
use thiserror::Error;

/// Why a feature was not tried to the end.
#[derive(Debug, Error)]
pub(crate) enum FeatureError {
    #[error("cannot start")]
    NotStarted(#[source] io::Error),
    #[error("interrupted; everything is taken away again")]
    Interrupted,
    #[error("there is no archive {}", path.display())]
    NoArchive { path: PathBuf },
    #[error("the result cannot be written")]
    NotWritten(#[from] io::Error),
    #[error(transparent)]
    Trial(#[from] TrialError),
}

impl From<LabError> for FeatureError {
    fn from(err: LabError) -> Self {
        Self::Trial(err.into())
    }
}

impl FeatureError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::Trial(TrialError::NoSuchFeature { .. }) => 5,
            Self::NotStarted(_) | Self::NoArchive { .. } | Self::NotWritten(_) | Self::Trial(_) => {
                1
            }
        }
    }

    /// Returns the chain of causes once, then what to do.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(err) = cause {
            text.push_str(": ");
            text.push_str(&err.to_string());
            cause = err.source();
        }
        let advice = match self {
            Self::NoArchive { path } => {
                Some(format!("make one: `phoenix feature archive {}`", path.display()))
            }
            Self::Trial(err) => err.advice(),
            Self::NotStarted(_) | Self::Interrupted | Self::NotWritten(_) => None,
        };
        if let Some(advice) = advice {
            text.push_str("\nhint: ");
            text.push_str(&advice);
        }
        text
    }
}
