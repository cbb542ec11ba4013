//! One conversation with an agent: lines of JSON over a socket that others use as well.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::words::Answer;
use super::{AgentError, OUTPUT};

/// What no text has in it: an agent forgets what it has read before, and says it before it answers.
const MARK: u8 = 0xFF;
/// What an answer takes at most, where nothing else is said.
const SHORT: usize = 1024 * 1024;
/// What may be in the way of the first answer: what others have asked and not waited for.
const STALE: usize = 2 * OUTPUT;
/// What comes through in a second at least, once something comes.
const A_SECOND: usize = 1024 * 1024;
/// How long to wait before what may be lost is said again; and then twice as long.
const AGAIN: Duration = Duration::from_secs(1);
/// How long to wait before somebody else's place in the queue may be free.
const QUEUE: Duration = Duration::from_millis(20);
/// How much is read at once.
const GULP: usize = 64 * 1024;

/// A conversation that has begun: what is asked from now on is what is answered next.
pub(super) struct Talk {
    stream: UnixStream,
    socket: PathBuf,
    /// How long the other side may say nothing.
    pub(super) patience: Duration,
    /// What has come and was not taken yet.
    come: Vec<u8>,
}

/// Something to be asked.
pub(super) struct Question<'q> {
    command: &'static str,
    words: serde_json::Value,
    most: usize,
    sent: &'q [u8],
}

impl<'q> Question<'q> {
    pub(super) fn new(command: &'static str, words: serde_json::Value) -> Self {
        Self { command, words, most: SHORT, sent: &[] }
    }

    /// Allows for an answer of this length.
    pub(super) fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Keeps these bytes, which are sent with it, out of all that is said about it.
    pub(super) fn veiled(self, sent: &'q [u8]) -> Self {
        Self { sent, ..self }
    }
}

impl Talk {
    /// Begins one. Nothing is asked before it is known that what comes next is the answer: what an
    /// earlier client asked and did not wait for comes first, and what it had half said is forgotten.
    ///
    /// It is also what makes a client that gives up harmless: who waits in the queue has sent nothing
    /// but this.
    pub(super) async fn begin(socket: &Path, patience: Duration) -> Result<Self, AgentError> {
        const COMMAND: &str = "guest-sync-delimited";
        let until = Instant::now() + patience;
        let stream = connect(socket, patience, until).await?;
        let socket = socket.to_owned();
        let mut talk = Self { stream, socket, patience, come: Vec::new() };
        let mut skipped = 0;
        let mut again = AGAIN;
        loop {
            // What an agent had received that is killed is lost. Who answers late is not asked in vain:
            // only the last of these counts, and all before it have been answered when it is.
            let next = until.min(Instant::now() + again);
            match talk.agree(COMMAND, &mut skipped, next).await {
                Err(AgentError::Silent { .. }) if next < until => again *= 2,
                agreed => return agreed.map(|()| talk),
            }
        }
    }

    /// Has the other side say a number that nobody has said before.
    async fn agree(
        &mut self,
        command: &'static str,
        skipped: &mut usize,
        until: Instant,
    ) -> Result<(), AgentError> {
        // No more than 53 bits, which every reader of JSON keeps as they are.
        let id = (u64::from(Uuid::new_v4().as_fields().0) << 16) | 1;
        let mut line = vec![MARK];
        line.extend(json!({ "execute": command, "arguments": { "id": id } }).to_string().bytes());
        line.push(b'\n');
        self.write(command, &line, until).await?;
        loop {
            *skipped += self.skip_mark(command, STALE.saturating_sub(*skipped), until).await?;
            let answer = self.line(command, SHORT, until, None).await?;
            // What is no answer to this is one to another.
            let said = serde_json::from_slice::<Answer>(&answer).ok().and_then(|said| said.said);
            if said.and_then(|said| said.get().parse().ok()) == Some(id) {
                return Ok(());
            }
            *skipped += answer.len();
        }
    }

    /// Asks something, and returns what is answered.
    pub(super) async fn ask<A: DeserializeOwned>(
        &mut self,
        question: &Question<'_>,
    ) -> Result<A, AgentError> {
        let command = question.command;
        let mut line = json!({ "execute": command, "arguments": question.words }).to_string();
        line.push('\n');
        let more =
            |bytes: usize| Duration::from_secs(u64::try_from(bytes / A_SECOND).unwrap_or(u64::MAX));
        let asked = Instant::now() + self.patience + more(line.len());
        self.write(command, line.as_bytes(), asked).await?;
        let whole = Instant::now() + self.patience + more(question.most);
        let answer = self.line(command, question.most, whole, Some(self.patience)).await?;
        let garbled = |why: String| AgentError::Garbled { command, why };
        // A reader's own words may have some of what it read in them, and so are not repeated.
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|err| garbled(format!("a line that is no JSON ({:?})", err.classify())))?;
        match answer {
            Answer { error: Some(refusal), .. } => Err(refusal.meant(command, question.sent)),
            Answer { said: Some(said), .. } => serde_json::from_str(said.get()).map_err(|err| {
                garbled(format!("other words than expected ({:?})", err.classify()))
            }),
            Answer { said: None, error: None } => {
                Err(garbled("neither answer nor error".to_owned()))
            }
        }
    }

    async fn write(
        &mut self,
        command: &'static str,
        bytes: &[u8],
        until: Instant,
    ) -> Result<(), AgentError> {
        let limit = self.patience;
        match timeout_at(until, self.stream.write_all(bytes)).await {
            Err(_) => Err(AgentError::Silent { command, limit }),
            Ok(Err(err)) => Err(self.broken(command, err)),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Skips all up to the next mark and the mark itself, and returns how much that was.
    async fn skip_mark(
        &mut self,
        command: &'static str,
        most: usize,
        until: Instant,
    ) -> Result<usize, AgentError> {
        let mut skipped = 0;
        loop {
            if let Some(at) = self.come.iter().position(|byte| *byte == MARK) {
                self.come.drain(..=at);
                return Ok(skipped + at + 1);
            }
            skipped += self.come.len();
            self.come.clear();
            if skipped > most {
                return Err(too_much(command, most));
            }
            self.more(command, until, None).await?;
        }
    }

    /// Returns the next line, without what ends it.
    async fn line(
        &mut self,
        command: &'static str,
        most: usize,
        until: Instant,
        idle: Option<Duration>,
    ) -> Result<Vec<u8>, AgentError> {
        let mut looked = 0;
        loop {
            let new = self.come.get(looked..).unwrap_or_default();
            if let Some(at) = new.iter().position(|byte| *byte == b'\n') {
                let rest = self.come.split_off(looked + at + 1);
                let mut line = std::mem::replace(&mut self.come, rest);
                line.pop();
                return Ok(line);
            }
            looked = self.come.len();
            if looked > most {
                return Err(too_much(command, most));
            }
            self.more(command, until, idle).await?;
        }
    }

    async fn more(
        &mut self,
        command: &'static str,
        until: Instant,
        idle: Option<Duration>,
    ) -> Result<(), AgentError> {
        let until = idle.map_or(until, |idle| until.min(Instant::now() + idle));
        self.come.reserve(GULP);
        match timeout_at(until, self.stream.read_buf(&mut self.come)).await {
            Err(_) => Err(AgentError::Silent { command, limit: self.patience }),
            Ok(Ok(0)) => Err(AgentError::Gone { command }),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(err)) => Err(self.broken(command, err)),
        }
    }

    fn broken(&self, command: &'static str, err: io::Error) -> AgentError {
        if matches!(err.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) {
            return AgentError::Gone { command };
        }
        AgentError::Io { socket: self.socket.clone(), err }
    }
}

/// Connects. Only so many may wait for their turn; who comes then is refused, and comes again.
async fn connect(
    socket: &Path,
    patience: Duration,
    until: Instant,
) -> Result<UnixStream, AgentError> {
    loop {
        let err = match timeout_at(until, UnixStream::connect(socket)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(err)) => err,
            Err(_) => return Err(AgentError::Silent { command: "connect", limit: patience }),
        };
        if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
            return Err(AgentError::NotListening { socket: socket.to_owned() });
        }
        if err.kind() != io::ErrorKind::WouldBlock {
            return Err(AgentError::Io { socket: socket.to_owned(), err });
        }
        if Instant::now() + QUEUE >= until {
            return Err(AgentError::Silent { command: "connect", limit: patience });
        }
        sleep(QUEUE).await;
    }
}

fn too_much(command: &'static str, most: usize) -> AgentError {
    AgentError::Garbled { command, why: format!("more than {most} bytes without an end") }
}
