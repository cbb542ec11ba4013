//! Why AWS Secrets Manager does not say what a secret is.

use phoenix_domain::Verdict;
use thiserror::Error;

/// Why AWS Secrets Manager does not say what a secret is.
///
/// Nothing of an answer is in here but codes, and the nouns of a refusal: an answer that cannot be
/// understood may hold the value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AwsError {
    /// Nobody has credentials for us.
    #[error("there are no AWS credentials for this host")]
    NoCredentials,
    /// What says how to get them is wrong.
    #[error("the AWS configuration of this host cannot be used")]
    BadConfiguration,
    /// Nobody says where to ask.
    #[error("no AWS region is set")]
    NoRegion,
    /// The credentials are expired, withdrawn, or the clock is wrong.
    #[error("AWS does not accept the credentials of this host ({code})")]
    CredentialsRefused {
        /// What AWS calls it.
        code: String,
    },
    /// They are accepted, and not allowed this.
    #[error("AWS denies {action} on {resource}{}", of(who.as_ref()))]
    Denied {
        /// The action that is not allowed.
        action: String,
        /// On what.
        resource: String,
        /// Who is not allowed.
        who: Option<String>,
    },
    /// Too many ask too often.
    #[error("AWS throttles, and did so up to {attempts} times in a row")]
    Throttled {
        /// How often it is tried.
        attempts: u32,
    },
    /// It cannot be asked.
    #[error("{what} cannot be reached: {why}")]
    Unreachable {
        /// What cannot.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// It is there, and out of order.
    #[error("AWS Secrets Manager is out of order ({code})")]
    OutOfOrder {
        /// What AWS calls it.
        code: String,
    },
    /// The key does not decrypt it.
    #[error("AWS cannot decrypt the secret with its key ({code})")]
    NotDecrypted {
        /// What AWS calls it.
        code: String,
    },
    /// It is there until it is deleted for good, or restored.
    #[error("the secret is marked for deletion")]
    Deleted,
    /// Something else that asking again does not change.
    #[error("AWS refuses to answer ({code})")]
    Refused {
        /// What AWS calls it.
        code: String,
    },
    /// An answer of which nobody knows what it says.
    #[error("what AWS Secrets Manager answered cannot be understood")]
    Unreadable,
}

impl AwsError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        if self.may_pass() { Verdict::Retry } else { Verdict::AskHuman }
    }

    /// Returns what a human can do about it, the secret being this one.
    pub fn advice(&self, name: &str) -> String {
        match self {
            Self::NoCredentials => {
                "give the instance a role; outside of AWS, set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or write ~/.aws/credentials"
                    .to_owned()
            }
            Self::BadConfiguration => {
                "look at ~/.aws/config and the AWS_… variables: `aws sts get-caller-identity`".to_owned()
            }
            Self::NoRegion => "set AWS_REGION".to_owned(),
            Self::CredentialsRefused { .. } => {
                "look at the clock (`timedatectl`) and at the credentials: `aws sts get-caller-identity`"
                    .to_owned()
            }
            Self::Denied { action, resource, who } => format!(
                "allow {action} on {resource} to {}: `phoenix secrets check --aws --policy` prints all \
                 that it needs",
                who.as_deref().unwrap_or("the role of this host")
            ),
            Self::Throttled { .. } => {
                "it is tried again; if it stays so, others of this account ask too often".to_owned()
            }
            Self::Unreachable { .. } | Self::OutOfOrder { .. } => {
                "it is tried again; look at the network and at https://health.aws.amazon.com".to_owned()
            }
            Self::NotDecrypted { .. } => format!(
                "look at the state of its key: `aws secretsmanager describe-secret --secret-id {name}`"
            ),
            Self::Deleted => format!("`aws secretsmanager restore-secret --secret-id {name}`"),
            Self::Refused { .. } | Self::Unreadable => {
                format!("`aws secretsmanager describe-secret --secret-id {name}` may say more")
            }
        }
    }

    /// Says whether it is about AWS not answering now, and not about what it answers. Only then is a
    /// value used that has expired: who may no longer have a secret must not have it from here.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Unreachable { .. }
            | Self::OutOfOrder { .. }
            // Half an answer, or that of somebody in between.
            | Self::Unreadable => true,
            Self::NoCredentials
            | Self::BadConfiguration
            | Self::NoRegion
            | Self::CredentialsRefused { .. }
            | Self::Denied { .. }
            | Self::NotDecrypted { .. }
            | Self::Deleted
            | Self::Refused { .. } => false,
        }
    }
}

fn of(who: Option<&String>) -> String {
    who.map_or_else(String::new, |who| format!(" to {who}"))
}
