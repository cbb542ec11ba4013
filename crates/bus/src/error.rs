//! How the bus can fail us.

use phoenix_domain::{Verdict, chain};
use thiserror::Error;

use crate::act::Act;
use crate::role::Role;

/// How the bus can fail us.
#[derive(Debug, Error)]
pub enum BusError {
    /// There is no server, or it does not let us in.
    #[error("cannot reach NATS at {url}")]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// Why.
        #[source]
        err: BoxError,
    },
    /// The server is not who it should be, as far as we know, or does not speak as we do.
    #[error("cannot speak safely with NATS at {url}")]
    NotTrusted {
        /// The address that was tried.
        url: String,
        /// Why.
        #[source]
        err: BoxError,
    },
    /// The server refused our credentials.
    #[error("NATS at {url} does not let us in")]
    NotLetIn {
        /// The address.
        url: String,
        /// Why.
        #[source]
        err: BoxError,
    },
    /// The credentials cannot be used.
    #[error("the credentials in {path} cannot be used")]
    BadCredentials {
        /// The file.
        path: String,
        /// Why.
        #[source]
        err: std::io::Error,
    },
    /// The server does not permit it to the key we have.
    #[error("not permitted: subject {subject}: {}", may(.role.as_ref(), *.act))]
    NotPermitted {
        /// The subject that is forbidden.
        subject: String,
        /// What was being done.
        act: Act,
        /// Who we are there, where our key says so.
        role: Option<Role>,
    },
    /// The server is too old.
    #[error("NATS at {url} is version {found}, and at least {needed} is needed")]
    TooOld {
        /// The address.
        url: String,
        /// Its version.
        found: String,
        /// The version it takes.
        needed: &'static str,
    },
    /// JetStream is off.
    #[error("NATS at {url} has no JetStream")]
    NoJetStream {
        /// The address.
        url: String,
    },
    /// An acknowledged message could be lost in a power failure.
    #[error("NATS at {url} acknowledges before it has written to disk: {found}")]
    NotDurable {
        /// The address.
        url: String,
        /// What was found.
        found: String,
    },
    /// Nobody can tell whether an acknowledged message could be lost.
    #[error("NATS at {url} cannot be asked whether it writes to disk before it acknowledges")]
    DurabilityUnknown {
        /// The address.
        url: String,
        /// Why.
        why: String,
    },
    /// The streams are not there: nobody has set them up.
    #[error("NATS at {url} has no Phoenix streams yet")]
    NotSetUp {
        /// The address.
        url: String,
    },
    /// A stream or bucket is not there, and others are: a version made them that did not know it.
    #[error("NATS at {url} has no {what} yet: an older version has set it up")]
    NotThere {
        /// The address.
        url: String,
        /// The stream, or the one behind the bucket.
        what: String,
    },
    /// A stream is there and is not what it should be.
    #[error("the stream {stream} is not ours to use: {why}")]
    OtherStream {
        /// The stream.
        stream: String,
        /// What is wrong with it.
        why: String,
    },
    /// A request had no answer, or a bad one.
    #[error("{what} failed")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why.
        #[source]
        err: BoxError,
    },
    /// A request had no answer in time. What it has done is not known.
    #[error("{what}: no answer in time")]
    Unknown {
        /// What was tried.
        what: &'static str,
    },
    /// Another one was faster, many times in a row.
    #[error("others keep changing the log of {guest}")]
    Contended {
        /// The guest.
        guest: String,
    },
    /// What is to be sent cannot be written.
    #[error("cannot be written as JSON")]
    NotJson(#[from] serde_json::Error),
    /// What was found cannot be read.
    #[error("{what} cannot be read")]
    Unreadable {
        /// What.
        what: String,
        /// Why.
        #[source]
        err: BoxError,
    },
}

/// Says that a role may not do something.
fn may(role: Option<&Role>, act: Act) -> String {
    match role {
        Some(role) => format!("the key of {role} may not {}", act.words()),
        None => format!("our credentials do not let us {}", act.words()),
    }
}

/// A cause, whatever its type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl BusError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unreachable { .. }
            | Self::Failed { .. }
            | Self::Unknown { .. }
            | Self::Contended { .. }
            | Self::NotSetUp { .. }
            | Self::NotThere { .. } => Verdict::Retry,
            Self::NotTrusted { .. }
            | Self::NotLetIn { .. }
            | Self::BadCredentials { .. }
            | Self::NotPermitted { .. }
            | Self::TooOld { .. }
            | Self::NoJetStream { .. }
            | Self::NotDurable { .. }
            | Self::DurabilityUnknown { .. }
            | Self::OtherStream { .. } => Verdict::AskHuman,
            Self::NotJson(_) | Self::Unreadable { .. } => Verdict::GiveUp,
        }
    }

    /// Returns what a human can do.
    pub fn advice(&self) -> Vec<&'static str> {
        match self {
            Self::Unreachable { .. } => vec![
                "start one here: `phoenix up`",
                "or name another: `--nats-url nats://HOST:4222`, or NATS_URL",
            ],
            Self::NotTrusted { .. } => vec![
                "name who vouches for it: `--nats-ca-file FILE`, or PHOENIX_NATS_CA_FILE; `phoenix nats init` made it as `ca.pem`",
            ],
            Self::NotLetIn { .. } | Self::BadCredentials { .. } => {
                vec![
                    "name the key: `--nats-nkey-file FILE`, or PHOENIX_NATS_NKEY_FILE",
                    "or the credentials: `--nats-creds FILE`, or NATS_CREDS",
                ]
            }
            Self::NotPermitted { act: Act::SetUp, .. } => {
                vec!["have its admin make the streams: `phoenix nats setup --nats-nkey-file FILE`"]
            }
            Self::NotPermitted { .. } => {
                vec![
                    "take the key of who may: `--nats-nkey-file FILE`; docs/nats.md says what each role may do",
                ]
            }
            Self::TooOld { .. } => vec!["install a newer nats-server; Debian's is too old"],
            Self::NoJetStream { .. } => {
                vec!["add `jetstream { store_dir: … }` to its configuration"]
            }
            Self::NotDurable { .. } => vec![
                "set `jetstream { sync_interval: always }` in its configuration and restart it",
                "or go on with `--accept-data-loss`: a power failure may then lose every accepted job",
            ],
            Self::DurabilityUnknown { .. } => vec![
                "let it be asked: `--nats-monitor http://HOST:8222` (`http_port: 8222` in its configuration)",
                "or vouch for it: `--durability always`",
            ],
            Self::NotSetUp { .. } => vec![
                "start a worker: it sets the streams up; where NATS asks for keys, its admin does: `phoenix nats setup`",
                "where they were lost: `phoenix restore FILE`, or `phoenix recover` once they are set up",
            ],
            Self::NotThere { .. } => vec![
                "start a worker of this version: it makes what is missing; where NATS asks for keys, its admin does: `phoenix nats setup`",
            ],
            Self::OtherStream { .. } => {
                vec!["see `nats stream info`; Phoenix changes no stream it cannot vouch for"]
            }
            Self::Failed { .. } | Self::Unknown { .. } | Self::Contended { .. } => {
                vec!["try again; nothing that was accepted is lost"]
            }
            Self::NotJson(_) | Self::Unreadable { .. } => Vec::new(),
        }
    }

    pub(crate) fn failed(what: &'static str) -> impl Fn(BoxError) -> Self {
        move |err| Self::Failed { what, err }
    }
}

/// Makes errors of the client into ours.
pub(crate) trait Failing<T> {
    /// Says what was tried.
    fn failing(self, what: &'static str) -> Result<T, BusError>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> Failing<T> for Result<T, E> {
    fn failing(self, what: &'static str) -> Result<T, BusError> {
        self.map_err(|err| BusError::failed(what)(chain(&err).into()))
    }
}
