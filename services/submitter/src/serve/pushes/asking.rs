//! Reads the configuration as a commit has it, and asks for what it changes.

use phoenix_bus::{Approval, Became, CommitState, OpenRun};
use phoenix_config::{Level, Loaded, as_text};
use phoenix_domain::{RunId, Vmid, chain};

use super::deploying::{Broken, Round};
use super::difference::Difference;
use super::git::GitError;
use super::{Pushes, export};
use crate::approvals;
use crate::asking::{self, Asking};
use crate::cli::ConfigArgs;
use crate::commands::{all_wanted, wanted_of_all};
use crate::config;
use crate::error::CommandError;
use crate::serve::hooks::{Certainty, Desk, run_of};
use crate::session;
use crate::words;

/// How much is noted of why a commit was refused.
const SAID: usize = 500;

/// What became of a round.
pub(super) struct Outcome {
    pub(super) became: Became,
    pub(super) state: CommitState,
    /// The same for the forge.
    pub(super) text: String,
    pub(super) run: Option<OpenRun>,
    pub(super) is_deployed: bool,
}

/// How a round ended.
pub(super) enum Ended {
    Done(Outcome),
    /// People are asked before anything is done.
    Asks(Approval),
}

impl Pushes {
    /// Asks for what the tip changes, once people have agreed where they have to.
    pub(super) async fn deploy(&self, round: &Round) -> Result<Ended, Broken> {
        let refused = |why: &str| Ok(Ended::Done(refused(why)));
        let archive = match self.git.archive(&round.tip, &self.fleet.folder).await {
            Ok(archive) => archive,
            Err(err @ (GitError::Failed { .. } | GitError::TooLarge)) => {
                return refused(&chain(&err));
            }
            Err(err) => return Err(err.into()),
        };
        let loaded = match self.load(archive).await {
            Ok(loaded) => loaded,
            Err(why) => return refused(&why),
        };
        match self.ask(round, &loaded).await {
            Ok(ended) => Ok(ended),
            Err(CommandError::Bus(err)) => Err(Broken::Bus(*err)),
            Err(err) => refused(&chain(&err)),
        }
    }

    /// Reads the configuration as `phoenix check` does. Where it is refused, all findings are told.
    async fn load(&self, archive: Vec<u8>) -> Result<Loaded, String> {
        let to = self.git.program.home.with_file_name("files");
        let args = ConfigArgs { config: Some(to.clone()), ..self.config.clone() };
        let read = tokio::task::spawn_blocking(move || {
            export::unpack(&archive, &to).map_err(|err| chain(&err))?;
            config::read(&args).map_err(|err| chain(&err))
        });
        let loaded = read.await.map_err(|err| err.to_string())??;
        if loaded.fleet.is_some() {
            return Ok(loaded);
        }
        self.remark(&format!("refused:\n{}", as_text(&loaded, true).trim_end())).await;
        let first = loaded.findings.iter().find(|finding| finding.level() == Level::Error);
        let first = first.map(|finding| format!("{}, {}", finding.code, finding.message));
        let more = loaded.count(Level::Error).saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        Err(format!("{}{more}", first.unwrap_or_default()))
    }

    async fn ask(&self, round: &Round, loaded: &Loaded) -> Result<Ended, CommandError> {
        let run = self.run_of(round)?;
        let states = self.bus.states().await?;
        let records = states.values().map(|(_, event)| &event.state);
        let all = wanted_of_all(loaded, &self.bus).await?;
        let difference = Difference::between(&all, records, &run);
        let canary = self.fleet.safely.and_then(|safely| safely.canary);
        let is_nobody = |canary: &Vmid| all.iter().all(|one| one.guest.vmid != *canary);
        let nobody = canary.filter(is_nobody).map(|canary| {
            format!(
                "`fleet.safely.canary` is guest {canary}, which no file has, so nobody waits for it"
            )
        });
        let untouched = difference.untouched().into_iter();
        let more: Vec<_> = untouched.chain(nobody).chain(round.more.clone()).collect();
        let said = |what: String| [&[what], &more[..]].concat().join("; ");
        if difference.changed.is_empty() {
            return Ok(Ended::Done(nothing(&said("nothing changed".to_owned()))));
        }
        let approval = round.approved(&run).filter(|_| self.fleet.approval);
        if self.fleet.approval && approval.is_none() {
            return Ok(Ended::Asks(self.question(round, run, &difference.changed).await));
        }
        let mut wanted = all_wanted(None, loaded, &difference.changed, &self.bus).await?;
        let safely = self.fleet.safely;
        // Where the canary is as it was, nobody waits for it.
        if let Some(canary) = canary.filter(|canary| difference.changed.contains(canary)) {
            asking::try_first(&mut wanted, canary)?;
        }
        let by = round.pushes.last().map_or("somebody", |push| push.by.as_str());
        let trace = round.pushes.last().and_then(|push| push.traceparent.as_deref());
        let desk = Desk {
            bus: &self.bus,
            setup: &self.setup,
            config: &self.config,
            teller: session::teller_of("webhooks", trace),
            asking: Asking {
                run: run.clone(),
                by: approvals::by(&format!("{by} by {}", self.fleet.source), approval),
                trusts_log: false,
                hold_s: safely.map(|safely| safely.hold_s),
            },
            // What was asked for in this run is no difference any more.
            certainty: Certainty::New,
        };
        let asked = Box::pin(desk.ask(&wanted)).await?;
        if asked.is_empty() {
            return Ok(Ended::Done(nothing(&said("nothing to ask for".to_owned()))));
        }
        let count = words::count(asked.len(), "guest", "guests");
        let named: Vec<_> = asked.iter().map(|(guest, _)| guest.to_string()).collect();
        let named = words::shortened(&named.join(" "), 60);
        Ok(Ended::Done(Outcome {
            became: Became::Run { run: run.clone(), said: said(format!("{count}: {named}")) },
            state: CommitState::Pending,
            text: format!("waits for {count}: {named}"),
            run: Some(OpenRun {
                run,
                commit: round.tip.clone(),
                guests: asked.into_iter().collect(),
            }),
            is_deployed: true,
        }))
    }

    /// Returns the run of a commit: the same for whoever goes on where another one was killed, and
    /// another one where the branch comes back to it.
    fn run_of(&self, round: &Round) -> Result<RunId, CommandError> {
        let before = round.last.as_ref().map_or(0, |last| last.before + 1);
        run_of(&format!("{} {} {before}", self.about, round.tip))
    }
}

pub(super) fn refused(why: &str) -> Outcome {
    let why = words::shortened(&words::line(why), SAID);
    Outcome {
        became: Became::Refused { why: why.clone() },
        state: CommitState::Failure,
        text: why,
        run: None,
        is_deployed: false,
    }
}

fn nothing(why: &str) -> Outcome {
    Outcome {
        became: Became::Nothing { why: why.to_owned() },
        state: CommitState::Success,
        text: why.to_owned(),
        run: None,
        is_deployed: true,
    }
}
