//! Why a feature cannot be tried, and what its trial has shown.

use phoenix_config::LibraryError;
use thiserror::Error;

use crate::error::LabError;

/// Why a feature cannot be tried.
#[derive(Debug, Error)]
pub enum TrialError {
    /// There is none of this name.
    #[error("there is no feature `{name}`")]
    NoSuchFeature {
        /// What was asked for, or is needed.
        name: String,
        /// What may have been meant.
        near: Vec<String>,
    },
    /// Nobody can understand what it is.
    #[error("the manifest of {name} is wrong: {why}")]
    WrongManifest {
        /// Whose.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Only its manifest came with the program.
    #[error("of the feature {name} only the manifest is here")]
    NoScripts {
        /// Which.
        name: String,
    },
    /// It is for virtual machines, and trials are made in containers.
    #[error("the feature {name} is not for containers, and is tried in none")]
    NotForContainers {
        /// Which.
        name: String,
    },
    /// The folders of features cannot be read.
    #[error("the features cannot be looked at")]
    Shelf(#[source] LibraryError),
    /// There is no place to try it in.
    #[error(transparent)]
    Lab(#[from] LabError),
}

impl TrialError {
    /// Returns what a human can do.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::NoSuchFeature { near, .. } if near.is_empty() => Some(
                "name the folder it is in: `--features DIR`; `phoenix feature list` shows those there are"
                    .to_owned(),
            ),
            Self::NoSuchFeature { near, .. } => Some(format!("did you mean {}?", near.join(" or "))),
            Self::WrongManifest { .. } => {
                Some("`phoenix schema feature` says what a feature.json has in it".to_owned())
            }
            Self::NoScripts { .. } => Some(
                "name the folder with its scripts: `--features DIR`; the package puts them into \
                 /usr/share/phoenix/features"
                    .to_owned(),
            ),
            Self::NotForContainers { .. } => {
                Some("try it in a virtual machine; nobody does that for you yet".to_owned())
            }
            Self::Shelf(_) => None,
            Self::Lab(err) => err.advice(),
        }
    }
}

/// What is wrong with a feature: what a step of its trial has found.
#[derive(Debug)]
pub(crate) struct Flaw {
    /// What is wrong, in one sentence.
    pub(crate) why: String,
    /// What was printed, or found, line by line.
    pub(crate) more: Vec<String>,
}

impl Flaw {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), more: Vec::new() }
    }

    /// Shows the last lines of what was printed, too.
    pub(crate) fn with(why: impl Into<String>, output: &str) -> Self {
        let lines: Vec<_> = output.lines().filter(|line| !line.trim().is_empty()).collect();
        let from = lines.len().saturating_sub(20);
        let more = lines.iter().skip(from).map(|line| (*line).to_owned()).collect();
        Self { why: why.into(), more }
    }
}

/// Why a step ended early: the feature is at fault, or the place it is tried in.
#[derive(Debug)]
pub(crate) enum Stop {
    Flaw(Flaw),
    Lab(LabError),
}

impl From<Flaw> for Stop {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl From<LabError> for Stop {
    fn from(err: LabError) -> Self {
        Self::Lab(err)
    }
}
