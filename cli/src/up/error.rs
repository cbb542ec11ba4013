//! Why not everything could be started.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why not everything could be started.
#[derive(Debug, Error)]
pub(crate) enum UpError {
    #[error("cannot start")]
    NotStarted(#[source] io::Error),
    #[error("cannot start {name} ({})", program.display())]
    NoProgram {
        name: &'static str,
        program: PathBuf,
        #[source]
        err: io::Error,
    },
    #[error("cannot use {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
    #[error("another `phoenix up`, process {by}, uses {}", path.display())]
    FolderTaken { path: PathBuf, by: String },
    #[error("something listens on 127.0.0.1:{port} already")]
    PortTaken { port: u16 },
    #[error("the network was not made")]
    NoNetwork(#[from] phoenix_lab::LabError),
    #[error("nats-server did not come up; the end of its log:\n{log}")]
    NatsFailed { log: String },
}

impl UpError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::PortTaken { .. } | Self::FolderTaken { .. } => 10,
            Self::NotStarted(_)
            | Self::NoProgram { .. }
            | Self::Folder { .. }
            | Self::NoNetwork(_)
            | Self::NatsFailed { .. } => 1,
        }
    }

    /// Returns the chain of causes once, then what to do.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("error");
        let mut cause: Option<&dyn std::error::Error> = Some(self);
        while let Some(err) = cause {
            text.push_str(": ");
            text.push_str(&err.to_string());
            cause = err.source();
        }
        let hint = match self {
            Self::NoProgram { name: "nats-server", .. } => {
                "install nats-server 2.10.23 or newer, or name it: `--nats-server FILE`"
            }
            Self::NoProgram { .. } | Self::NoNetwork(_) => {
                "it takes root, and `apt-get install lxc iproute2 nftables dnsmasq-base slirp4netns`"
            }
            Self::PortTaken { .. } => {
                "another `phoenix up` may run: end it, or take another port with `--port`; for a NATS that is there already use `phoenix worker`"
            }
            Self::FolderTaken { .. } | Self::Folder { .. } => {
                "end that one, or name another folder: `--data DIR`"
            }
            Self::NotStarted(_) | Self::NatsFailed { .. } => "see what it says above",
        };
        format!("{text}\nhint: {hint}")
    }
}
