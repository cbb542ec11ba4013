//! How a command can end badly.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use phoenix_bus::{BusError, NoMonitor};
use phoenix_config::LibraryError;
use phoenix_domain::{
    ChannelName, GuestKey, Irreplaceable, NodeName, Refused, RunId, SourceName, Verdict, Vmid,
};
use phoenix_service::LogError;
use thiserror::Error;

use crate::commands::{BackupError, NatsError};
use crate::words;

/// The command line makes no sense (`EX_USAGE`).
pub(crate) const EXIT_USAGE: u8 = 64;
/// It could not be done.
pub(crate) const EXIT_FAILED: u8 = 1;
/// The configuration is refused.
pub(crate) const EXIT_REFUSED: u8 = 3;
/// We are not let in.
pub(crate) const EXIT_NOT_PERMITTED: u8 = 4;
/// What is there differs from what is wanted.
pub(crate) const EXIT_DIFFERS: u8 = 2;
/// There is no such thing.
pub(crate) const EXIT_NOT_FOUND: u8 = 5;
/// It is not there for now; it is safe to try again.
pub(crate) const EXIT_UNAVAILABLE: u8 = 7;
/// Waited too long; what was waited for goes on.
pub(crate) const EXIT_WAITED: u8 = 8;
/// What was asked for failed, or waits for a human.
pub(crate) const EXIT_RUN_FAILED: u8 = 9;
/// Somebody else was faster, or wants something else.
pub(crate) const EXIT_CONFLICT: u8 = 10;
/// Somebody pressed Ctrl-C.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// How a command can end badly.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// No folder has a configuration in it.
    #[error("there is no configuration in {}", looked_in.join(", "))]
    NoConfig { looked_in: Vec<String> },
    /// The configuration has errors.
    #[error("the configuration is refused: {errors} {}{first}", if *errors == 1 { "error" } else { "errors" })]
    Refused {
        errors: usize,
        /// The first of them, as what follows in the sentence.
        first: String,
    },
    /// A guest that is not there was asked for.
    #[error("there is no guest {asked}")]
    NoSuchGuest { asked: Vmid, near: Vec<String> },
    /// A guest nobody ever asked for.
    #[error("guest {asked} was never submitted")]
    NeverSubmitted { asked: Vmid },
    /// A guest of which nothing is expected.
    #[error("guest {asked} is not expected to serve, so nobody watches over it")]
    Unwatched { asked: Vmid },
    /// A guest that is not there was to be started or stopped.
    #[error("guest {asked} {}", if *is_gone { "was removed" } else { "was never built" })]
    NeverBuilt { asked: Vmid, is_gone: bool },
    /// A guest that is there for being cloned was to be started.
    #[error("guest {asked} is a template: it is there for being cloned, and rests")]
    Rests { asked: Vmid },
    /// A guest was to be made again that never is.
    #[error("guest {asked} is not made again: {why}")]
    Irreplaceable { asked: Vmid, why: Irreplaceable },
    /// Guests that others stand on were to be removed.
    #[error("{}", reasons.join("; "))]
    StoodOn { reasons: Vec<String>, all: String },
    /// Guests that are not ours were to be removed.
    #[error("{}", not_ours(guests))]
    NotOurs { guests: Vec<(Vmid, NodeName)>, others: Vec<Vmid> },
    /// A guest that nobody has made was to be taken over.
    #[error("there is no guest {asked} on host {host}, so nothing can be taken over")]
    NothingToAdopt { asked: Vmid, host: NodeName },
    /// A worker does not answer, or cannot.
    #[error("it is not known how guest {asked} is: {why}")]
    NotKnown { asked: Vmid, why: String, advice: String },
    /// A guest has no such tests.
    #[error("guest {asked} has no {}", suite.as_ref().map_or_else(|| "tests".to_owned(), |suite| format!("suite {suite}")))]
    NoSuchTests { asked: Vmid, suite: Option<String>, there: Vec<String> },
    /// A code that is not there was asked for.
    #[error("there is no code `{code}`")]
    NoSuchCode { code: String },
    /// An incident that is not there was asked for.
    #[error("there is no incident {incident}")]
    NoSuchIncident { incident: String },
    /// A maintenance that is not there was to be ended.
    #[error("there is no maintenance {name}")]
    NoSuchMaintenance { name: String },
    /// A channel that is not there was asked for.
    #[error("there is no channel {asked}")]
    NoSuchChannel { asked: ChannelName, there: Vec<ChannelName> },
    /// A source was asked for of which no webhook is kept.
    #[error("no webhook of a source {asked} was accepted in the last days")]
    NoSuchSource { asked: SourceName, there: Vec<SourceName> },
    /// A node was asked for of which nobody has heard.
    #[error("nothing is known of a node {asked}")]
    NoSuchNode { asked: NodeName, there: Vec<NodeName> },
    /// The health monitor cannot be asked.
    #[error(transparent)]
    NoMonitor(#[from] NoMonitor),
    /// The health monitor does not do what it is told.
    #[error("{why}")]
    MonitorDeclines { why: String },
    /// A run that is not there was asked for.
    #[error("there is no run {run}")]
    NoSuchRun { run: RunId },
    /// A guest was asked for of which nothing is kept of that time.
    #[error("nothing is known of guest {asked} at {}{}", words::time(*at), since(*oldest))]
    NotYetThere { asked: Vmid, at: DateTime<Utc>, oldest: Option<DateTime<Utc>> },
    /// A guest was asked for as it will be.
    #[error("nobody knows how guest {asked} will be at {}: it is {} now", words::time(*at), words::time(*now))]
    StillToCome { asked: Vmid, at: DateTime<Utc>, now: DateTime<Utc> },
    /// Other machines could read the page.
    #[error(
        "whoever reaches {listen} could read the page, which asks nobody who they are: have people sign in with `--token-file FILE`, or put a proxy that asks them in front of it, and say that it may be so with `--let-anybody-read`"
    )]
    OpenToAnybody { listen: SocketAddr },
    /// The token that people sign in with cannot be used.
    #[error("nobody could sign in: {why}")]
    TokenRefused { why: String, advice: String },
    /// What lets us in at a collector of traces cannot be used.
    #[cfg(feature = "otlp")]
    #[error("no collector would let us in: {why}")]
    HeadersRefused { why: String, advice: String },
    /// The file about webhooks cannot be used.
    #[error("{} cannot be used:\n  {wrong}", path.display())]
    HooksRefused { path: PathBuf, wrong: String },
    /// There are two opinions about webhooks.
    #[error("webhooks are described twice: in {} (`--hooks`), and under `webhooks` in {}", hooks.display(), config.display())]
    HooksTwice { hooks: PathBuf, config: PathBuf },
    /// The repository of the configuration cannot be fetched.
    #[error("the repository of the configuration cannot be fetched: {why}")]
    NoGit { why: String, advice: &'static str },
    /// Nothing can be served there.
    #[error("cannot serve at {listen}")]
    NoListener {
        listen: SocketAddr,
        #[source]
        err: io::Error,
    },
    /// The guest that is to try it first is none of those that are submitted.
    #[error("{canary} cannot try it first: it is not submitted")]
    NoCanary { canary: Vmid },
    /// A letter that is not there was asked for.
    #[error("there is no dead letter {letter}")]
    NoSuchLetter { letter: u64 },
    /// A letter that is about no guest cannot be asked for again.
    #[error("letter {letter} cannot be replayed: {why}")]
    NotReplayable { letter: u64, why: String },
    /// The guest of a letter has moved on.
    #[error("letter {letter} is of the past: {guest} is {standing} now")]
    MovedOn { letter: u64, guest: GuestKey, standing: String },
    /// Nobody says where a guest is to live.
    #[error("nobody says on which host {guest} is to live{}", if hosts.is_empty() { "" } else { ", and there are several" })]
    NoHost { guest: GuestKey, hosts: Vec<NodeName> },
    /// A host's name cannot be used.
    #[error("the node of the inventory cannot be used")]
    BadNode(#[source] Refused),
    /// A guest is on another host already.
    #[error("{guest} lives on {lives}, and {wanted} is asked for; Phoenix moves no guest")]
    LivesElsewhere { guest: GuestKey, lives: NodeName, wanted: NodeName },
    /// Nobody can be asked whether to do what cannot be undone.
    #[error("nobody is there to be asked whether to {what}")]
    NobodyToAsk { what: String },
    /// The host is changed by root alone.
    #[error("setup changes this host, and only root may")]
    NotRoot,
    /// There is no such item.
    #[error("the file asks for nothing that is called `{asked}`")]
    NoSuchItem { asked: String, there: Vec<&'static str> },
    /// What is on a disk is given up by a person, who types its name.
    #[error("nobody is there to type the name of {disk}, whose contents would be lost")]
    NobodyToWipe { disk: String },
    /// A disk that is in no pool was to be wiped.
    #[error("{disk} is a disk of no pool that is missing")]
    NothingToWipe { disk: String },
    /// Setup cannot remember what it does.
    #[error(transparent)]
    SetupState(#[from] phoenix_setup::StateError),
    /// There is nothing a policy could be made of.
    #[error("there is no policy: {}", match missing {
        Some(missing) => format!("the {missing} is not known"),
        None => "no guest is given a secret, so AWS is asked for nothing".to_owned(),
    })]
    NoPolicy { missing: Option<&'static str> },
    /// A feature that is not there was asked for.
    #[error("there is no feature `{asked}`")]
    NoSuchFeature { asked: String, near: Vec<String> },
    /// A feature whose manifest is wrong was asked for.
    #[error("the feature in {at} cannot be read: {why}")]
    WrongFeature { at: String, why: String },
    /// A feature was to be made where one is already.
    #[error("there is something at {} already, which is left alone", folder.display())]
    FeatureThere { folder: PathBuf },
    /// A feature could not be read.
    #[error("the feature library cannot be used")]
    Library(#[from] LibraryError),
    /// The configuration of nats-server was not written.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// Nothing was backed up, or put back.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The bus failed us.
    #[error(transparent)]
    Bus(Box<BusError>),
    /// The part of the program that waits could not be started.
    #[error("cannot wait for anything")]
    NoRuntime(#[source] io::Error),
    /// What it does could not be told.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No name could be made for a run.
    #[error("cannot name a run")]
    NoRunId(#[source] Refused),
    /// A value could not be written as JSON.
    #[error("the result cannot be written as JSON")]
    NotJson(#[from] serde_json::Error),
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    FileNotWritten {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
    /// There is nothing to draw on.
    #[error("this is no terminal that `top` can draw on")]
    NoScreen,
    /// The output could not be written.
    #[error("the output cannot be written")]
    NotWritten(#[from] io::Error),
}

impl CommandError {
    /// Returns the exit code it ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            #[cfg(feature = "otlp")]
            Self::HeadersRefused { .. } => EXIT_REFUSED,
            Self::NoConfig { .. }
            | Self::Refused { .. }
            | Self::TokenRefused { .. }
            | Self::HooksRefused { .. }
            | Self::HooksTwice { .. } => EXIT_REFUSED,
            Self::NoSuchGuest { .. }
            | Self::NeverSubmitted { .. }
            | Self::NoSuchTests { .. }
            | Self::NeverBuilt { .. }
            | Self::NothingToAdopt { .. }
            | Self::NoSuchCode { .. }
            | Self::NoSuchFeature { .. }
            | Self::NoSuchRun { .. }
            | Self::NotYetThere { .. }
            | Self::NoSuchIncident { .. }
            | Self::NoSuchMaintenance { .. }
            | Self::NoSuchChannel { .. }
            | Self::NoSuchSource { .. }
            | Self::NoSuchNode { .. }
            | Self::NoSuchItem { .. }
            | Self::NoSuchLetter { .. } => EXIT_NOT_FOUND,
            Self::SetupState(phoenix_setup::StateError::Held)
            | Self::Nats(NatsError::NotOurs { .. } | NatsError::OtherCell { .. })
            | Self::Backup(
                BackupError::There { .. } | BackupError::Worked { .. } | BackupError::InUse { .. },
            ) => EXIT_CONFLICT,
            Self::NoMonitor(NoMonitor::NotPermitted(_)) => EXIT_NOT_PERMITTED,
            Self::MovedOn { .. } | Self::LivesElsewhere { .. } | Self::FeatureThere { .. } => {
                EXIT_CONFLICT
            }
            Self::Bus(err) => bus_exit_code(err),
            Self::NotKnown { .. } | Self::NoMonitor(_) => EXIT_UNAVAILABLE,
            Self::SetupState(phoenix_setup::StateError::Unusable { .. })
            | Self::MonitorDeclines { .. }
            | Self::NotRoot
            | Self::NobodyToWipe { .. }
            | Self::NothingToWipe { .. }
            | Self::Library(_)
            | Self::NoPolicy { .. }
            | Self::WrongFeature { .. }
            | Self::NotReplayable { .. }
            | Self::NoHost { .. }
            | Self::BadNode(_)
            | Self::NobodyToAsk { .. }
            | Self::Rests { .. }
            | Self::Irreplaceable { .. }
            | Self::Unwatched { .. }
            | Self::StoodOn { .. }
            | Self::NotOurs { .. }
            | Self::NoRuntime(_)
            | Self::Log(_)
            | Self::NoRunId(_)
            | Self::NotJson(_)
            | Self::FileNotWritten { .. }
            | Self::NoGit { .. }
            | Self::NoListener { .. }
            | Self::NoScreen
            | Self::Backup(
                BackupError::NotWritten { .. }
                | BackupError::NotRead { .. }
                | BackupError::Damaged { .. }
                | BackupError::Nothing,
            )
            | Self::Nats(
                NatsError::NotRead { .. }
                | NatsError::NoLayout { .. }
                | NatsError::NoCertificate(_),
            )
            | Self::NotWritten(_) => EXIT_FAILED,
            Self::OpenToAnybody { .. }
            | Self::NoCanary { .. }
            | Self::StillToCome { .. }
            | Self::Nats(NatsError::Even { .. } | NatsError::Twice { .. }) => EXIT_USAGE,
        }
    }

    /// Returns what to do.
    #[expect(clippy::too_many_lines, reason = "an arm for each way to end badly, and no rule")]
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::NoConfig { .. } => vec![
                "name the folder: `--config DIR`, or PHOENIX_CONFIG_DIR".to_owned(),
                "the folder holds phoenix_hypervisor_config.json, and phoenix_lxc_configs.json or phoenix_vm_configs.json".to_owned(),
            ],
            Self::Nats(err) => err.hints(),
            Self::Log(err) => one(err.advice()),
            Self::Backup(err) => err.hints(),
            Self::Refused { .. } => one("`phoenix check` says what is wrong and what to do"),
            Self::NoSuchGuest { near, .. } if near.is_empty() => {
                one("`phoenix config show` lists all guests")
            }
            Self::NoSuchFeature { near, .. } if near.is_empty() => {
                one("`phoenix feature list` lists those there are")
            }
            Self::NoSuchGuest { near, .. } | Self::NoSuchFeature { near, .. } => {
                vec![format!("did you mean {}?", near.join(" or "))]
            }
            Self::NeverSubmitted { asked } => vec![
                "`phoenix status` lists the guests that were".to_owned(),
                format!("submit it: `phoenix submit {asked}`"),
            ],
            Self::Unwatched { asked } => {
                vec![format!("`phoenix status {asked}` says why; `phoenix start {asked}` starts it")]
            }
            Self::NeverBuilt { asked, .. } => vec![format!("build it: `phoenix submit {asked}`")],
            Self::Irreplaceable { asked, why } => {
                vec![why.advice().replace("ID", &asked.to_string())]
            }
            Self::Rests { asked } => vec![
                format!("`phoenix submit {asked}` makes it as its configuration says"),
                "`start_at_boot` in its configuration has it run".to_owned(),
            ],
            Self::StoodOn { all, .. } => {
                vec![format!("delete them first, or all: `phoenix delete {all}`")]
            }
            Self::NotOurs { guests, others } => {
                let guests = joined(guests.iter().map(|(vmid, _)| vmid));
                let without = (!others.is_empty())
                    .then(|| format!("delete the others: `phoenix delete {}`", joined(others)));
                let adopt = format!("or take over what is not ours first: `phoenix adopt {guests}`");
                without.into_iter().chain([adopt]).collect()
            }
            Self::NothingToAdopt { asked, .. } => {
                vec![format!("have it built: `phoenix submit {asked}`")]
            }
            #[cfg(feature = "otlp")]
            Self::HeadersRefused { advice, .. } => vec![advice.clone()],
            Self::NotKnown { advice, .. } | Self::TokenRefused { advice, .. } => {
                vec![advice.clone()]
            }
            Self::NoSuchTests { there, .. } if there.is_empty() => {
                one("name some under `tests` of the guest, and submit it")
            }
            Self::NoSuchTests { there, .. } => vec![format!("it has {}", there.join(", "))],
            Self::NoSuchCode { .. } => one("`phoenix explain` lists all codes"),
            Self::NoSuchIncident { .. } => {
                one("`phoenix incidents --all` lists those that are kept")
            }
            Self::NoSuchMaintenance { .. } => one("`phoenix maintenance list` lists them"),
            Self::NoSuchChannel { there, .. } if there.is_empty() => {
                one("`phoenix schema channels` says what a channels file has in it, and `phoenix-health-monitor --channels FILE` takes it")
            }
            Self::NoSuchChannel { there, .. } => vec![there_is(there)],
            Self::NoSuchSource { there, .. } if there.is_empty() => {
                one("and none of any other one")
            }
            Self::NoSuchSource { there, .. } => vec![there_is(there)],
            Self::NoSuchNode { there, .. } => vec![there_is(there)],
            Self::NoMonitor(why) => one(monitor_hint(why)),
            Self::NoGit { advice, .. } => one(advice),
            Self::HooksRefused { .. } => {
                one("`phoenix schema webhooks` says what can be written; docs/webhooks.md says what it means")
            }
            Self::HooksTwice { .. } => one(
                "keep those in the configuration, which `phoenix check` checks, and leave `--hooks` out; or take the key `webhooks` out of it",
            ),
            Self::NoListener { .. } => one("`--listen 127.0.0.1:0` takes a free port"),
            Self::StillToCome { asked, .. } => {
                vec![format!("`phoenix status {asked}` shows how it is now")]
            }
            Self::NotYetThere { asked, .. } => one(&format!("`phoenix history {asked}` tells what is known")),
            Self::NoSuchRun { .. } => one("`phoenix runs --since 7d` lists runs"),
            Self::NoCanary { canary } => vec![format!("name it among the guests: `phoenix submit {canary} … --canary {canary}`")],
            Self::NoSuchLetter { .. } => one("`phoenix dead list` lists all letters"),
            Self::NotReplayable { letter, .. } => vec![
                format!("`phoenix dead show {letter}` shows it, `phoenix dead discard {letter}` throws it away"),
            ],
            Self::MovedOn { letter, .. } => {
                vec![format!("throw it away: `phoenix dead discard {letter}`")]
            }
            Self::NoHost { hosts, .. } if hosts.is_empty() => vec![
                "name it: `--host NAME`, `node` in the guest's configuration, or `node` in inventory.json".to_owned(),
                "or start a worker: the only host there is needs no name".to_owned(),
            ],
            Self::NoHost { hosts, .. } => one_of(hosts),
            Self::BadNode(err) => vec![err.rule.to_owned()],
            Self::LivesElsewhere { lives, .. } => vec![
                format!("leave it where it is: `--host {lives}`, or `node` in its configuration"),
            ],
            Self::NoScreen => vec![
                "`phoenix status` shows how guests are now".to_owned(),
                "`phoenix watch` tells what happens, line by line".to_owned(),
            ],
            Self::NobodyToAsk { .. } => one("say it beforehand: `--yes`"),
            Self::Bus(err) => err.advice().into_iter().map(str::to_owned).collect(),
            Self::NoPolicy { missing: Some(missing) } => vec![format!("say it: `--aws-{missing}`")],
            Self::WrongFeature { .. } => {
                one("`phoenix schema feature` says what a feature.json has in it")
            }
            Self::FeatureThere { .. } => {
                one("take another name, or another folder: `--into DIR`")
            }
            Self::NotRoot => one("`sudo phoenix setup`; `--plan` shows what that would do"),
            Self::NoSuchItem { there, .. } => vec![there_is(there)],
            Self::NobodyToWipe { .. } => {
                one("type it on a terminal: no option and no key of a file takes its place")
            }
            Self::NothingToWipe { .. } => {
                one("name it as `zfs.pools` does: `phoenix setup --plan` says which disks are not blank")
            }
            Self::SetupState(phoenix_setup::StateError::Held) => {
                one("wait for it; `fuser -v /var/lib/phoenix/setup/lock` says what holds it")
            }
            Self::Library(_) => one("mend its feature.json, or take the folder away"),
            Self::NoPolicy { missing: None }
            | Self::SetupState(phoenix_setup::StateError::Unusable { .. })
            | Self::MonitorDeclines { .. }
            | Self::NoRuntime(_)
            | Self::NoRunId(_)
            | Self::NotJson(_)
            | Self::FileNotWritten { .. }
            | Self::OpenToAnybody { .. }
            | Self::NotWritten(_) => Vec::new(),
        }
    }
}

/// Says what there is instead.
fn there_is<T: ToString>(there: &[T]) -> String {
    let names: Vec<_> = there.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there is {}", names.join(", "))
    }
}

/// Returns how one of these hosts is named.
fn one_of(hosts: &[NodeName]) -> Vec<String> {
    let hosts: Vec<_> = hosts.iter().map(|host| format!("`--host {host}`")).collect();
    vec![
        format!("name it: {}", hosts.join(" or ")),
        "or for good: `node` in the guest's configuration".to_owned(),
    ]
}

/// Returns what to do where the monitor cannot be asked.
fn monitor_hint(why: &NoMonitor) -> &'static str {
    match why {
        NoMonitor::Nobody => "start one: `phoenix-health-monitor`",
        NoMonitor::NotPermitted(_) => {
            "take the key of who may: `--nats-nkey-file FILE`; docs/nats.md says what each role may do"
        }
        NoMonitor::TakingOver => "ask again in a moment; what was found last is kept",
        NoMonitor::Silent { .. } | NoMonitor::NotAsked(_) => {
            "see what the health monitor says in its log"
        }
    }
}

/// Returns the only thing there is to do.
fn one(hint: &str) -> Vec<String> {
    vec![hint.to_owned()]
}

/// Says since when things are known.
fn since(oldest: Option<DateTime<Utc>>) -> String {
    oldest
        .map(|time| format!("; what is kept of it begins at {}", words::time(time)))
        .unwrap_or_default()
}

fn not_ours(guests: &[(Vmid, NodeName)]) -> String {
    let say = |(vmid, host): &(Vmid, NodeName)| {
        format!("{vmid} on host {host} is not a guest of Phoenix, and is left alone")
    };
    guests.iter().map(say).collect::<Vec<_>>().join("; ")
}

fn joined<'v>(guests: impl IntoIterator<Item = &'v Vmid>) -> String {
    guests.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn bus_exit_code(err: &BusError) -> u8 {
    match err {
        BusError::NotTrusted { .. }
        | BusError::NotLetIn { .. }
        | BusError::BadCredentials { .. }
        | BusError::NotPermitted { .. } => EXIT_NOT_PERMITTED,
        BusError::Contended { .. } => EXIT_CONFLICT,
        BusError::Unreachable { .. }
        | BusError::TooOld { .. }
        | BusError::NoJetStream { .. }
        | BusError::NotDurable { .. }
        | BusError::DurabilityUnknown { .. }
        | BusError::NotSetUp { .. }
        | BusError::NotThere { .. }
        | BusError::OtherStream { .. }
        | BusError::Failed { .. }
        | BusError::Unknown { .. }
        | BusError::NotJson(_)
        | BusError::Unreadable { .. } => match err.verdict() {
            Verdict::Retry | Verdict::Wait => EXIT_UNAVAILABLE,
            Verdict::GiveUp | Verdict::AskHuman => EXIT_FAILED,
        },
    }
}
