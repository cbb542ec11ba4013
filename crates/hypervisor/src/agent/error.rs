//! How the agent of a guest can fail us.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use phoenix_domain::Verdict;
use thiserror::Error;

/// How the agent of a guest can fail us.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Nobody is at the socket.
    #[error("no agent is to be reached at {}", socket.display())]
    NotListening {
        /// The socket on the host.
        socket: PathBuf,
    },
    /// Nobody answers.
    #[error("the agent did not answer `{command}` within {} s", limit.as_secs_f32())]
    Silent {
        /// What was asked.
        command: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// It hung up instead of answering.
    #[error("the agent was gone before it answered `{command}`")]
    Gone {
        /// What was asked.
        command: &'static str,
    },
    /// It answers that it does not.
    #[error("the agent refuses `{command}`: {description}")]
    Refused {
        /// What was asked.
        command: &'static str,
        /// Its own kind of error.
        class: String,
        /// Its own words, where they cannot repeat what is nobody's business.
        description: String,
        /// What that means.
        reason: Reason,
    },
    /// It says something nobody understands.
    #[error("the agent answered `{command}` with what it should not: {why}")]
    Garbled {
        /// What was asked.
        command: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// More than an agent takes.
    #[error(
        "{bytes} bytes are too much for a program in a guest to read, {most} are what it takes"
    )]
    TooMuch {
        /// How much it is.
        bytes: usize,
        /// How much it may be.
        most: usize,
    },
    /// The socket itself failed.
    #[error("cannot speak to the agent at {}", socket.display())]
    Io {
        /// The socket on the host.
        socket: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
}

/// What a refusal of an agent means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not know the command, or was told not to obey it.
    Disabled,
    /// A backup has frozen the file systems of the guest.
    Frozen,
    /// The file or program is not there.
    NoSuchFile,
    /// Something else.
    Other,
}

impl AgentError {
    /// Returns what to do about it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { reason: Reason::Frozen, .. } => Verdict::Wait,
            Self::Refused { reason: Reason::Disabled, .. } => Verdict::AskHuman,
            Self::TooMuch { .. } => Verdict::GiveUp,
            // It may be starting, or its guest.
            Self::NotListening { .. }
            | Self::Silent { .. }
            | Self::Gone { .. }
            | Self::Refused { reason: Reason::NoSuchFile | Reason::Other, .. }
            | Self::Garbled { .. }
            | Self::Io { .. } => Verdict::Retry,
        }
    }

    /// Returns what a human can do.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::NotListening { .. } => Some(
                "the machine is off, or was started without the agent: `qm set ID --agent 1`, then stop \
                 and start it",
            ),
            Self::Silent { .. } | Self::Gone { .. } => Some(
                "see on its console whether it has booted and `qemu-guest-agent` is installed and runs; \
                 while a backup runs, the agent is kept busy",
            ),
            Self::Refused { reason: Reason::Disabled, .. } => Some(
                "allow it in the guest (`block-rpcs`, `allow-rpcs` or `blacklist` in /etc/qemu/qemu-ga.conf, \
                 /etc/sysconfig/qemu-ga or /etc/default/qemu-guest-agent), then restart qemu-guest-agent",
            ),
            Self::Refused { reason: Reason::Frozen, .. } => Some(
                "a backup holds its file systems; `qm agent ID fsfreeze-thaw` if that was interrupted",
            ),
            Self::Garbled { .. } => {
                Some("look at it by hand: what is behind the socket may be no agent")
            }
            Self::Refused { reason: Reason::NoSuchFile | Reason::Other, .. }
            | Self::TooMuch { .. }
            | Self::Io { .. } => None,
        }
    }
}
