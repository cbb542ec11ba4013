//! The agent inside of a virtual machine, spoken to over its socket on the host.
//!
//! Proxmox's own commands for it need most of a second each to begin, and say that all went well when
//! something has not ended after 30 seconds. So it is asked here in its own words: lines of JSON.
//!
//! A socket serves one client at a time, and Proxmox is one now and then; so nothing is held open. Every
//! question is a connection of its own, with a deadline of its own. Nothing that comes from a guest is
//! trusted: not how much it is, nor what it says it is.

mod error;
mod job;
mod wire;
mod words;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

pub use self::error::{AgentError, Reason};
pub use self::job::{Job, JobEnded, JobError};
use self::wire::{Question, Talk};
use self::words::{Interface, Opened, Read, Started, Status};

/// How long an agent may say nothing before it counts as silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a ping: who asks that asks again.
const PING: Duration = Duration::from_secs(2);
/// How long an agent that refuses to shut down has for saying so. One that obeys says nothing.
const REFUSES: Duration = Duration::from_secs(2);
/// How much a program may be given to read.
const INPUT: usize = 32 * 1024 * 1024;
/// How much an agent says at most of what a program printed: 16 MiB each way, a third more in letters.
const OUTPUT: usize = 48 * 1024 * 1024;
/// How much of a file is asked for at once, and how long the answer is at most.
const PIECE: usize = 512 * 1024;
const PIECE_ANSWER: usize = 1024 * 1024;
/// How many addresses of a guest are taken down.
const ADDRESSES: usize = 256;

/// The agent of one virtual machine.
#[derive(Clone, Debug)]
pub struct Agent {
    socket: Arc<PathBuf>,
    patience: Duration,
    absence: Duration,
}

/// A program that the agent has started, as the guest numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pid(i64);

/// How a program in a guest ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code, or what killed it.
    pub how: HowEnded,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
    /// Whether it printed more than that.
    pub cut: bool,
}

/// The end of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowEnded {
    /// It ended with this code.
    Code(i32),
    /// It was killed by this signal.
    Signal(i32),
}

impl Agent {
    /// Returns the agent behind a socket. Nothing is asked yet.
    pub fn at(socket: PathBuf) -> Self {
        Self { socket: Arc::new(socket), patience: PATIENCE, absence: job::ABSENCE }
    }

    /// Gives it another time after which it counts as silent.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Gives it another time that it may be away while something runs in the guest: features restart it,
    /// and guests restart themselves.
    #[must_use]
    pub fn absent(self, absence: Duration) -> Self {
        Self { absence, ..self }
    }

    /// Says whether it answers now.
    pub async fn ping(&self) -> Result<(), AgentError> {
        // What begins every conversation is the ping: an agent that is told to refuse questions cannot
        // be told to refuse that one.
        Talk::begin(&self.socket, self.patience.min(PING)).await.map(drop)
    }

    /// Starts a program that gets this to read and whose output is kept for [`Self::ended`].
    ///
    /// Where the answer is lost, it may have been started: what must not run twice is a [`Job`].
    pub async fn exec(
        &self,
        program: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Pid, AgentError> {
        if input.len() > INPUT {
            return Err(AgentError::TooMuch { bytes: input.len(), most: INPUT });
        }
        let words = json!({
            "path": program,
            "arg": arguments,
            "input-data": words::encode(input),
            "capture-output": true,
        });
        let question = Question::new("guest-exec", words).veiled(input);
        let started: Started = self.talk().await?.ask(&question).await?;
        Ok(Pid(started.pid))
    }

    /// Returns how a program ended, or nothing while it runs. The agent forgets what it has said, so that
    /// this can be asked once after the end.
    pub async fn ended(&self, pid: Pid) -> Result<Option<Ended>, AgentError> {
        let question = Question::new("guest-exec-status", json!({ "pid": pid.0 })).most(OUTPUT);
        let status: Status = self.talk().await?.ask(&question).await?;
        status.ended()
    }

    /// Reads a piece of a file, or nothing where there is no such file.
    pub async fn read(
        &self,
        path: &str,
        from: u64,
        most: usize,
    ) -> Result<Option<Vec<u8>>, AgentError> {
        self.talk().await?.read(path, from, most).await
    }

    /// Returns the addresses under which others may reach the guest.
    pub async fn addresses(&self) -> Result<Vec<IpAddr>, AgentError> {
        let question = Question::new("guest-network-get-interfaces", json!({}));
        let interfaces: Vec<Interface> = self.talk().await?.ask(&question).await?;
        let all = interfaces.iter().flat_map(Interface::addresses);
        Ok(all.take(ADDRESSES).collect())
    }

    /// Has the guest shut down. An agent that obeys does not answer.
    pub async fn shutdown(&self) -> Result<(), AgentError> {
        let question = Question::new("guest-shutdown", json!({ "mode": "powerdown" }));
        let mut talk = self.talk().await?;
        talk.patience = REFUSES.min(self.patience);
        match talk.ask::<serde_json::Value>(&question).await {
            Ok(_) | Err(AgentError::Silent { .. } | AgentError::Gone { .. }) => Ok(()),
            Err(err) => Err(err),
        }
    }

    async fn talk(&self) -> Result<Talk, AgentError> {
        Talk::begin(&self.socket, self.patience).await
    }
}

impl Talk {
    /// Reads a piece of a file, or nothing where there is no such file.
    async fn read(
        &mut self,
        path: &str,
        from: u64,
        most: usize,
    ) -> Result<Option<Vec<u8>>, AgentError> {
        let opened = Question::new("guest-file-open", json!({ "path": path, "mode": "r" }));
        let handle = match self.ask::<Opened>(&opened).await {
            Ok(Opened(handle)) => handle,
            Err(AgentError::Refused { reason: Reason::NoSuchFile, .. }) => return Ok(None),
            Err(err) => return Err(err),
        };
        let bytes = self.read_from(handle, from, most).await;
        // Who is cut off here leaves a file open in the guest until its agent is started anew.
        let closed = Question::new("guest-file-close", json!({ "handle": handle }));
        let closed = self.ask::<serde_json::Value>(&closed).await;
        let bytes = bytes?;
        closed.map(|_| Some(bytes))
    }

    async fn read_from(
        &mut self,
        handle: i64,
        from: u64,
        most: usize,
    ) -> Result<Vec<u8>, AgentError> {
        if from > 0 {
            let words = json!({ "handle": handle, "offset": from, "whence": "set" });
            let seek = Question::new("guest-file-seek", words);
            self.ask::<serde_json::Value>(&seek).await?;
        }
        let mut bytes = Vec::new();
        while bytes.len() < most {
            let count = (most - bytes.len()).min(PIECE);
            let words = json!({ "handle": handle, "count": count });
            let piece = Question::new("guest-file-read", words).most(PIECE_ANSWER);
            let piece: Read = self.ask(&piece).await?;
            let (piece, is_end) = piece.bytes(count)?;
            bytes.extend(piece);
            if is_end {
                break;
            }
        }
        Ok(bytes)
    }
}

impl fmt::Debug for Ended {
    /// What a program prints may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended")
            .field("how", &self.how)
            .field("stdout", &self.stdout.len())
            .field("stderr", &self.stderr.len())
            .field("cut", &self.cut)
            .finish()
    }
}

#[cfg(test)]
mod tests;
