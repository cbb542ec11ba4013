//! Why a secret cannot be had.

use phoenix_domain::Verdict;
use thiserror::Error;

use crate::aws::AwsError;
use crate::files::FileError;
use crate::provider::Provider;
use crate::value::ValueError;

/// Why a secret cannot be had. No variant carries a value, nor a part of one.
#[derive(Debug, Error)]
pub enum SecretError {
    /// It cannot be the name of one.
    #[error("`{name}` cannot be a secret: {why}")]
    Name {
        /// The name as it was written.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Everybody was asked, and everybody answered.
    #[error("nobody has the secret {name}; asked: {}", list(asked))]
    NotFound {
        /// Its name.
        name: String,
        /// Who was asked, in this order.
        asked: Vec<Provider>,
    },
    /// AWS could not say whether it has it, so nobody behind it was asked.
    #[error("cannot learn from AWS Secrets Manager what the secret {name} is")]
    Aws {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        err: AwsError,
    },
    /// A file that may have it cannot be read, so nobody behind it was asked.
    #[error("cannot learn from {provider} what the secret {name} is")]
    File {
        /// Its name.
        name: String,
        /// Who was asked.
        provider: Provider,
        /// Why.
        #[source]
        err: FileError,
    },
    /// It is there, and cannot be used.
    #[error("the secret {name}, which {provider} has, cannot be used")]
    Value {
        /// Its name.
        name: String,
        /// Who has it.
        provider: Provider,
        /// Why.
        #[source]
        err: ValueError,
    },
}

impl SecretError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Aws { err, .. } => err.verdict(),
            // A disk that does not answer may do so later.
            Self::File { err: FileError::TooSlow { .. }, .. } => Verdict::Retry,
            Self::Name { .. } | Self::NotFound { .. } | Self::File { .. } | Self::Value { .. } => {
                Verdict::AskHuman
            }
        }
    }

    /// Returns what a human can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Name { .. } => {
                "a secret is referred to as `secret://path/of/the/secret`, with `#key` for one key of it"
                    .to_owned()
            }
            Self::NotFound { name, asked } if asked.is_empty() => format!(
                "no provider is set up: give this host AWS, systemd credentials or \
                 /etc/phoenix/secrets.json with {name}"
            ),
            Self::NotFound { name, asked } => {
                let file = asked.iter().find_map(|provider| match provider {
                    Provider::File(path) => Some(path.display()),
                    Provider::Aws
                    | Provider::Credentials(_)
                    | Provider::TokenFiles
                    | Provider::Memory => None,
                });
                if asked.contains(&Provider::Aws) {
                    format!("`aws secretsmanager create-secret --name {name} --secret-string file://FILE`")
                } else if let Some(file) = file {
                    format!(
                        "write it into {file}, which nobody else may read: {{\"{name}\": \"…\"}}, and where \
                         `#KEY` is asked for {{\"{name}\": {{\"KEY\": \"…\"}}}}"
                    )
                } else {
                    format!("give {name} to one of those who were asked")
                }
            }
            Self::Aws { name, err } => err.advice(name),
            Self::File { err, .. } => err.advice(),
            Self::Value { name, provider, .. } => format!("store {name} anew with {provider}"),
        }
    }
}

/// What one provider can fail of.
#[derive(Debug)]
pub(crate) enum Failure {
    Aws(AwsError),
    File(FileError),
    Value(ValueError),
}

impl Failure {
    /// Says of which secret and provider this is.
    pub(crate) fn of(self, name: &str, provider: Provider) -> SecretError {
        let name = name.to_owned();
        match self {
            Self::Aws(err) => SecretError::Aws { name, err },
            Self::File(err) => SecretError::File { name, provider, err },
            Self::Value(err) => SecretError::Value { name, provider, err },
        }
    }
}

impl From<FileError> for Failure {
    fn from(err: FileError) -> Self {
        Self::File(err)
    }
}

impl From<ValueError> for Failure {
    fn from(err: ValueError) -> Self {
        Self::Value(err)
    }
}

impl From<AwsError> for Failure {
    fn from(err: AwsError) -> Self {
        Self::Aws(err)
    }
}

fn list(asked: &[Provider]) -> String {
    if asked.is_empty() {
        return "nobody, as no provider is set up".to_owned();
    }
    asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
