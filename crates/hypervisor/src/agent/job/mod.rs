//! A job in a virtual machine: a script that outlives whoever has started it.
//!
//! It is kept in the guest, below /run/phoenix, under the digest of what it does. Who asks for the same
//! job again follows the one that runs; the worker may be killed meanwhile, and the agent started anew.
//! There is one at a time.

mod error;
mod log;

use std::fmt::{self, Write as _};
use std::time::Duration;

use phoenix_domain::TraceParent;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};
use tracing::debug;

pub use self::error::JobError;
use self::log::Log;
use super::wire::Talk;
use super::words::shown;
use super::{Agent, AgentError, Ended, HowEnded, Reason};

/// How long an agent may be away while a job runs: a guest that starts anew takes that long.
pub(super) const ABSENCE: Duration = Duration::from_mins(3);
/// How often a job is looked at: soon in the beginning, less so when it turns out to take its time.
const SOON: Duration = Duration::from_millis(200);
const LATER: Duration = Duration::from_secs(2);
/// How often a script of ours is, which is short.
const SHORT: Duration = Duration::from_millis(50);
/// How long one may take: it unpacks, and waits for a process to begin.
const SCRIPT: Duration = Duration::from_mins(2);
/// How much of the log is taken at once.
const GULP: usize = 1024 * 1024;
/// How often at most before it is looked whether the job has ended, and how often once it has.
const GULPS: usize = 8;
const LAST_GULPS: usize = 128;

/// Where it all is in the guest.
const FOLDER: &str = "/run/phoenix/job";
/// What its folder is called for a moment once somebody has read how it ended: its number and when it
/// began follow.
const LAST: &str = "/run/phoenix/last";
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
const LOOK: &str = concat!(include_str!("state.sh"), include_str!("look.sh"));
const LAUNCH: &str = concat!(include_str!("state.sh"), include_str!("launch.sh"));
const END: &str = concat!(include_str!("state.sh"), include_str!("end.sh"));
const SUPERVISE: &str = include_str!("supervise.sh");

/// A script to be run in a guest, to its end.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What people call it. With script and input it is what tells it from another one.
    pub name: &'a str,
    /// What `/bin/sh` runs in the guest, as root.
    pub script: &'a str,
    /// What that reads. It may be secret: it is in memory only, and in no one's arguments.
    pub input: &'a [u8],
    /// How long it may take, waiting for another one included.
    pub limit: Duration,
    /// The trace that it is told it works in. It does not tell it from another one.
    pub trace: Option<TraceParent>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnded {
    /// Its exit code; 128 and the signal where one has killed it.
    pub code: i32,
    /// The end of what it printed, as the guest says it.
    pub output: String,
    /// Whether it printed more before.
    pub cut: bool,
}

/// A job that is in the guest.
struct Found {
    boot: String,
    /// Its process: number, when it began, group. A line that no other job has.
    process: String,
}

/// How the guest answers who wants a job.
enum State {
    /// Another one runs, or none.
    Busy,
    Free,
    /// It is there, and may have ended.
    There(Found),
}

/// What a look at a running job shows.
enum Look {
    Runs,
    Ended(i32),
    Gone,
}

impl Job<'_> {
    /// Returns what tells it from every other one.
    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.name.as_bytes(), self.script.as_bytes(), self.input] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
        let mut digits = String::with_capacity(64);
        for byte in hash.finalize() {
            // A String takes everything that is written to it.
            let _written = write!(digits, "{byte:02x}");
        }
        digits
    }

    /// Returns all of it as an archive.
    fn packed(&self) -> std::io::Result<Vec<u8>> {
        let digest = format!("{}\n", self.digest());
        let trace = self.trace.map(|trace| format!("{trace}\n")).unwrap_or_default();
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in [
            ("digest", digest.as_bytes()),
            ("supervise", SUPERVISE.as_bytes()),
            ("script", self.script.as_bytes()),
            ("input", self.input),
            ("trace", trace.as_bytes()),
            ("log", b""),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            header.set_mode(0o600);
            archive.append_data(&mut header, name, bytes)?;
        }
        archive.into_inner()
    }
}

impl Agent {
    /// Runs a job to its end, or follows it there where it is at work already. Its lines are heard as
    /// they come.
    pub async fn run(
        &self,
        job: Job<'_>,
        heard: impl FnMut(&str) + Send,
    ) -> Result<JobEnded, JobError> {
        let until = Instant::now() + job.limit;
        let digest = job.digest();
        let found = self.launch(&job, &digest, until).await?;
        let mut log = Log::new(heard);
        let ended = self.follow(&job, &found, &mut log, until).await;
        let ended = match ended {
            Ok(Some(code)) => {
                log.end();
                let (output, cut) = log.tail();
                Ok(JobEnded { code, output, cut })
            }
            Ok(None) => {
                let (name, output) = (job.name.to_owned(), log.tail().0);
                Err(JobError::TimedOut { name, limit: job.limit, output })
            }
            Err(err) => Err(err),
        };
        if matches!(ended, Ok(_) | Err(JobError::TimedOut { .. })) {
            let told = format!("{digest} {}\n", found.process);
            match (self.script(&job, END, told.as_bytes()).await, &ended) {
                (Ok(_), _) => {}
                // What stays of it is found by who asks next, and taken away then.
                (Err(err), Ok(_)) => debug!(job = job.name, %err, "job stays in the guest"),
                (Err(err), Err(_)) => return Err(err),
            }
        }
        ended
    }

    /// Has the job in the guest, whoever started it.
    async fn launch(&self, job: &Job<'_>, digest: &str, until: Instant) -> Result<Found, JobError> {
        let not_packed = |err: std::io::Error| JobError::NotStarted {
            name: job.name.to_owned(),
            said: format!("it cannot be packed: {err}"),
        };
        let packed = job.packed().map_err(not_packed)?;
        let mut pause = SOON;
        loop {
            let mut state = self.state(job, LOOK, format!("{digest}\n").as_bytes()).await?;
            if matches!(state, State::Free) {
                state = self.state(job, LAUNCH, &packed).await?;
            }
            if let State::There(found) = state {
                return Ok(found);
            }
            if Instant::now() + pause >= until {
                return Err(JobError::Busy { name: job.name.to_owned(), limit: job.limit });
            }
            sleep(pause).await;
            pause = (pause * 2).min(LATER);
        }
    }

    async fn state(
        &self,
        job: &Job<'_>,
        script: &'static str,
        input: &[u8],
    ) -> Result<State, JobError> {
        let ended = self.script(job, script, input).await?;
        let said = String::from_utf8_lossy(&ended.stdout);
        let not_started = |said: &str| JobError::NotStarted {
            name: job.name.to_owned(),
            said: shown(said.trim().lines().last().unwrap_or("it does not say why")),
        };
        if ended.how != HowEnded::Code(0) {
            let complaint = String::from_utf8_lossy(&ended.stderr);
            return Err(not_started(&format!("{said}\n{complaint}")));
        }
        let mut words = said.split_whitespace();
        let (state, boot) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match state {
            "free" => Ok(State::Free),
            "busy" => Ok(State::Busy),
            "runs" | "ended" => {
                let process = words.collect::<Vec<_>>().join(" ");
                Ok(State::There(Found { boot: boot.to_owned(), process }))
            }
            _ => Err(not_started(&said)),
        }
    }

    /// Runs a script of ours, to its end. It is harmless to run one again.
    async fn script(&self, job: &Job<'_>, script: &str, input: &[u8]) -> Result<Ended, JobError> {
        let wrap = |err| JobError::Agent { name: job.name.to_owned(), err };
        let mut away = Away::since(self.absence);
        'again: loop {
            let started = self.exec("/bin/sh", &["-c", script], input).await;
            let Some(pid) = away.bear(started).await.map_err(wrap)? else { continue };
            let until = Instant::now() + SCRIPT;
            while Instant::now() < until {
                let ended = match self.ended(pid).await {
                    // An agent that was started anew does not know what it has started before.
                    Err(AgentError::Refused { reason: Reason::Other, .. }) => continue 'again,
                    ended => ended,
                };
                if let Some(Some(ended)) = away.bear(ended).await.map_err(wrap)? {
                    return Ok(ended);
                }
                sleep(SHORT).await;
            }
            let said = format!("a script did not end within {} s", SCRIPT.as_secs());
            return Err(JobError::NotStarted { name: job.name.to_owned(), said });
        }
    }

    /// Follows a job to its end, and returns its code; or nothing where the time was up before.
    async fn follow(
        &self,
        job: &Job<'_>,
        found: &Found,
        log: &mut Log<impl FnMut(&str) + Send>,
        until: Instant,
    ) -> Result<Option<i32>, JobError> {
        let wrap = |err| JobError::Agent { name: job.name.to_owned(), err };
        let mut away = Away::since(self.absence);
        let mut pause = SOON;
        loop {
            let before = log.length();
            let look = self.look(found, log).await;
            match away.bear(look).await.map_err(wrap)? {
                Some(Look::Ended(code)) => return Ok(Some(code)),
                Some(Look::Gone) => return Err(self.gone(job, found, log, &mut away).await),
                Some(Look::Runs) | None => {}
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            // Who prints is listened to.
            pause = if log.length() > before { SOON } else { (pause * 2).min(LATER) };
            sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// Looks at a job: one connection, whatever there is to read.
    async fn look(
        &self,
        found: &Found,
        log: &mut Log<impl FnMut(&str) + Send>,
    ) -> Result<Look, AgentError> {
        let mut talk = self.talk().await?;
        // It may be put aside at any moment, by whoever has read how it ended.
        match look_in(&mut talk, FOLDER, found, log).await? {
            Look::Gone => {
                let mut words = found.process.split(' ').take(2);
                let (number, since) = (words.next().unwrap_or_default(), words.next());
                let last = format!("{LAST}.{number}.{}", since.unwrap_or_default());
                look_in(&mut talk, &last, found, log).await
            }
            look @ (Look::Runs | Look::Ended(_)) => Ok(look),
        }
    }

    /// Says why a job is not there any more.
    async fn gone(
        &self,
        job: &Job<'_>,
        found: &Found,
        log: &Log<impl FnMut(&str) + Send>,
        away: &mut Away,
    ) -> JobError {
        let (name, output) = (job.name.to_owned(), log.tail().0);
        loop {
            let boot = self.read(BOOT, 0, GULP).await;
            return match away.bear(boot).await {
                Ok(None) => continue,
                Ok(Some(boot)) => {
                    let boot = boot.unwrap_or_default();
                    if String::from_utf8_lossy(&boot).trim() == found.boot {
                        JobError::Lost { name, output }
                    } else {
                        JobError::Rebooted { name, output }
                    }
                }
                Err(err) => JobError::Agent { name, err },
            };
        }
    }
}

/// Looks at a job in a folder.
async fn look_in(
    talk: &mut Talk,
    folder: &str,
    found: &Found,
    log: &mut Log<impl FnMut(&str) + Send>,
) -> Result<Look, AgentError> {
    let process = talk.read(&format!("{folder}/pid"), 0, GULP).await?.unwrap_or_default();
    if String::from_utf8_lossy(&process).trim() != found.process {
        return Ok(Look::Gone);
    }
    // First whether it has ended: what it has printed until then is all there will be.
    let mut code = talk.read(&format!("{folder}/code"), 0, GULP).await?;
    let mut words = found.process.split(' ');
    let (number, since) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut runs = true;
    if code.is_none() {
        let stat = talk.read(&format!("/proc/{number}/stat"), 0, GULP).await?;
        runs = stat.is_some_and(|stat| began(&String::from_utf8_lossy(&stat)) == Some(since));
        if !runs {
            // It may have ended between the two questions.
            code = talk.read(&format!("{folder}/code"), 0, GULP).await?;
        }
    }
    for _ in 0..if code.is_some() { LAST_GULPS } else { GULPS } {
        let piece = talk.read(&format!("{folder}/log"), log.length(), GULP).await?;
        // The folder was put aside meanwhile.
        let Some(piece) = piece else { return Ok(Look::Gone) };
        log.take(&piece);
        if piece.len() < GULP {
            break;
        }
    }
    match code {
        Some(code) => {
            let code = String::from_utf8_lossy(&code).trim().parse().map_err(|_| {
                let why = "an exit code that is no number".to_owned();
                AgentError::Garbled { command: "guest-file-read", why }
            })?;
            Ok(Look::Ended(code))
        }
        None if runs => Ok(Look::Runs),
        None => Ok(Look::Gone),
    }
}

/// An agent that may be away for a while.
struct Away {
    absence: Duration,
    since: Option<Instant>,
}

impl Away {
    fn since(absence: Duration) -> Self {
        Self { absence, since: None }
    }

    /// Returns what the agent said; nothing where it said nothing and may be back soon.
    async fn bear<T>(&mut self, said: Result<T, AgentError>) -> Result<Option<T>, AgentError> {
        match said {
            Ok(said) => {
                self.since = None;
                Ok(Some(said))
            }
            Err(
                err @ (AgentError::NotListening { .. }
                | AgentError::Silent { .. }
                | AgentError::Gone { .. }
                | AgentError::Refused { reason: Reason::Frozen, .. }
                | AgentError::Io { .. }),
            ) => {
                let since = *self.since.get_or_insert_with(Instant::now);
                if since.elapsed() >= self.absence {
                    return Err(err);
                }
                sleep(SOON).await;
                Ok(None)
            }
            Err(
                err @ (AgentError::Refused {
                    reason: Reason::Disabled | Reason::NoSuchFile | Reason::Other,
                    ..
                }
                | AgentError::Garbled { .. }
                | AgentError::TooMuch { .. }),
            ) => Err(err),
        }
    }
}

/// Returns when a process began, out of its line in /proc, where it has not ended. Its name stands
/// before, in brackets, and may hold anything.
fn began(stat: &str) -> Option<&str> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_whitespace();
    // One that nobody has asked how it ended is still listed.
    fields.next().filter(|state| *state != "Z")?;
    fields.nth(18)
}

impl fmt::Debug for Job<'_> {
    /// What it reads may be secret, and so may be the script.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job<'a>(name: &'a str, script: &'a str, input: &'a [u8]) -> Job<'a> {
        Job { name, script, input, limit: Duration::from_secs(1), trace: None }
    }

    #[test]
    fn the_same_job_has_the_same_digest_and_no_other_one_has() {
        let digest = |name, script, input: &str| job(name, script, input.as_bytes()).digest();

        assert_eq!(digest("a", "b", "c"), digest("a", "b", "c"));
        for (name, script, input) in
            [("ab", "", "c"), ("a", "bc", ""), ("a", "b", ""), ("", "ab", "c"), ("a", "b", "d")]
        {
            assert_ne!(digest(name, script, input), digest("a", "b", "c"), "{name} {script}");
        }
    }

    #[test]
    fn a_job_is_the_same_in_every_trace() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap();
        let alone = job("a", "b", b"c");

        let traced = Job { trace: Some(trace), ..alone };

        assert_eq!(traced.digest(), alone.digest());
    }

    #[test]
    fn a_job_does_not_show_what_it_reads() {
        let shown = format!("{:?}", job("redis", "echo canary-1", b"canary-2"));

        assert!(shown.contains("redis") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn when_a_process_began_is_read_behind_its_name() {
        let stat = "12 (a) b) (c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 8 9";

        assert_eq!(began(stat), Some("777"));
        assert_eq!(began(&stat.replace(") S ", ") Z ")), None);
        assert_eq!(began("12 (sh"), None);
    }
}
