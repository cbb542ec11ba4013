//! The repository that holds the configuration: a push of its branch deploys what it changes.
//!
//! What a push wants stands in NATS before its sender is told so; whoever serves next goes on with what
//! stands there. The payload is a hint: what counts is the branch, as it is fetched.

mod asking;
mod consent;
mod deploying;
mod difference;
mod export;
mod following;
mod forge;
mod git;
mod judge;
mod notes;
mod polling;
mod program;
mod telling;

use std::convert::Infallible;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use phoenix_bus::{Accepted, Approval, Became, Bus, BusError, FleetNote, Setup, ToldPush};
use phoenix_hooks::{Fleet, Push};
use tokio::sync::{Notify, mpsc};

pub(super) use self::forge::Forge;
use self::git::Git;
use self::program::Program;
use super::live::Live;
use crate::approvals::short;
use crate::cli::ConfigArgs;
use crate::error::CommandError;

/// The repository that holds the configuration, and what is needed to deploy it.
pub(super) struct Pushes {
    fleet: Fleet,
    /// Where the forge is told what becomes of commits.
    forge: Option<Forge>,
    about: String,
    git: Git,
    bus: Bus,
    setup: Setup,
    config: ConfigArgs,
    live: Live,
    client: phoenix_post::Client,
    /// What the operator is told.
    remarks: mpsc::Sender<String>,
    /// That something is wanted.
    wanted: Notify,
    /// That a forge is to be told something.
    shown: Notify,
    /// That a run has begun.
    begun: Notify,
}

/// The repository as it is said to be, and the forge that is told what becomes of its commits.
pub(super) struct Origin {
    pub(super) fleet: Fleet,
    pub(super) forge: Option<Forge>,
}

/// What serves all of it.
pub(super) struct Around {
    pub(super) bus: Bus,
    pub(super) setup: Setup,
    pub(super) config: ConfigArgs,
    pub(super) live: Live,
    pub(super) remarks: mpsc::Sender<String>,
}

impl Pushes {
    /// Makes sure that everything is there that is needed.
    pub(super) async fn begin(
        origin: Origin,
        state_dir: &Path,
        around: Around,
    ) -> Result<Self, CommandError> {
        let Origin { fleet, forge } = origin;
        // What was fetched is kept there.
        let kept = state_dir.join("fleet").join(fleet.source.as_str());
        let home = kept.join("home");
        // The configuration is nobody else's business.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&home)
            .map_err(|err| CommandError::FileNotWritten { path: home.clone(), err })?;
        let (url, branch) = (fleet.git.clone(), fleet.branch_name.clone());
        let program = Program { path: "git".into(), home: home.clone() };
        let git = Git { program, url, branch, copy: kept.join("copy.git") };
        git.begin().await.map_err(|err| CommandError::NoGit {
            why: phoenix_domain::chain(&err),
            advice: err.advice(),
        })?;
        let client = phoenix_post::client()?;
        let about = fleet.about();
        let Around { bus, setup, config, live, remarks } = around;
        let (wanted, shown, begun) = (Notify::new(), Notify::new(), Notify::new());
        Ok(Self {
            fleet,
            forge,
            about,
            git,
            bus,
            setup,
            config,
            live,
            client,
            remarks,
            wanted,
            shown,
            begun,
        })
    }

    /// Returns the commit that a push of the branch has it at.
    pub(super) fn commit_of(&self, push: &Push) -> Option<String> {
        let is_ours = push.repository == self.fleet.repository && push.refname == self.fleet.branch;
        push.after.as_ref().filter(|_| is_ours).map(|after| after.as_str().to_owned())
    }

    /// Says of a push of the repository why it deploys nothing.
    pub(super) fn is_elsewhere(&self, push: &Push) -> Option<String> {
        (push.repository == self.fleet.repository)
            .then(|| format!("{} is not deployed; {} is", push.refname, self.fleet.branch))
    }

    /// Returns what is served.
    pub(super) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Has a push deployed. It stands in NATS once this returns.
    pub(super) async fn want(&self, push: &ToldPush) -> Result<(), BusError> {
        let mut gone = None;
        self.note(|note| gone = notes::tell(note, push)).await?;
        if let Some(gone) = gone {
            let why = format!("{} and others came after it", short(&push.commit));
            self.settle(&gone, &Became::Nothing { why }, None).await?;
        }
        self.wanted.notify_one();
        Ok(())
    }

    /// Does all that is to be done, for as long as it is served.
    pub(super) async fn work(&self) -> Infallible {
        let all = futures_util::future::join4(
            self.deploying(),
            self.following(),
            self.telling(),
            self.polling(),
        );
        Box::pin(all).await.0
    }

    /// Returns what is noted.
    async fn noted(&self) -> Result<FleetNote, BusError> {
        Ok(notes::of(self.bus.fleet_note(&self.fleet.source).await?, &self.about))
    }

    /// Changes what is noted.
    async fn note(&self, mut change: impl FnMut(&mut FleetNote)) -> Result<(), BusError> {
        let changed = |there| {
            let mut note = notes::of(there, &self.about);
            change(&mut note);
            if self.forge.is_none() {
                note.statuses.clear();
            }
            note
        };
        self.bus.change_fleet_note(&self.fleet.source, changed).await
    }

    /// Notes what became of a push with the delivery that told of it, and what people said who were asked.
    async fn settle(
        &self,
        push: &ToldPush,
        became: &Became,
        approval: Option<&Approval>,
    ) -> Result<(), BusError> {
        let change = |there: Option<Accepted>| {
            let commit = Some(push.commit.clone());
            let there = there.filter(|there| there.at == push.at);
            let mut accepted = there.unwrap_or_else(|| Accepted::fresh(push.at, commit));
            accepted.became.retain(|became| !matches!(became, Became::Wanted { .. }));
            accepted.became.push(became.clone());
            accepted.hear(approval);
            accepted
        };
        self.bus.note_delivery(&self.fleet.source, &push.id, change).await
    }

    async fn remark(&self, text: &str) {
        // Who would read it is there for as long as this is.
        drop(self.remarks.send(format!("{}: {text}", self.who())).await);
    }

    /// Returns what remarks are about.
    fn who(&self) -> String {
        format!("fleet of {}", self.fleet.source)
    }
}
