//! What may be typed where NATS is asked. The comments here are the help texts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use phoenix_bus::NatsArgs;
use phoenix_domain::{NodeName, RunId, Vmid};

use super::offline::ConfigArgs;
use super::words::{self, Named};

/// Who asks: what the log is told.
#[derive(Debug, Args)]
pub(crate) struct WhoArgs {
    /// The user, as the shell says
    #[arg(long = "as-user", env = "USER", hide = true)]
    pub(crate) user: Option<String>,
    /// The user, as login said
    #[arg(long = "as-logname", env = "LOGNAME", hide = true)]
    pub(crate) logname: Option<String>,
    /// The trace this belongs to
    #[arg(long = "traceparent", env = "TRACEPARENT", hide = true)]
    pub(crate) traceparent: Option<String>,
}

/// How long to follow, and how.
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    /// Stop following after this long, such as 30m, and end with code 8; the run goes on
    #[arg(long, value_name = "DURATION", value_parser = words::duration)]
    pub(crate) timeout: Option<Duration>,
    /// How to tell what happens
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: FollowFormat,
}

/// How is told what happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FollowFormat {
    /// For people: a tree on a terminal, else one line an event
    #[default]
    Text,
    /// The events themselves, one CloudEvent a line
    Jsonl,
}

/// How a list or a thing is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// What every verb takes that shows what the bus knows.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How to print it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ListFormat,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `submit` takes.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// The guests
    #[arg(value_name = "ID", required_unless_present = "all", value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    /// All guests of the files
    #[arg(long, conflicts_with = "guests")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Show what would be published and publish nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the run's id and do not follow it
    #[arg(long, short)]
    pub(crate) detach: bool,
    /// Keep what each guest is in a snapshot, and go back to it unless the new one stays healthy
    #[arg(long)]
    pub(crate) safely: bool,
    /// How long it has to stay healthy
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = words::hold, requires = "safely")]
    pub(crate) hold: u32,
    /// The guest that tries it first; the others wait until it is complete
    #[arg(long, value_name = "ID", value_parser = super::vmid)]
    pub(crate) canary: Option<Vmid>,
    /// Host of the guests whose configuration names none
    #[arg(long, value_name = "NAME", value_parser = words::node)]
    pub(crate) host: Option<NodeName>,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `status` takes.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The guests; without any, all; with one, everything about it
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `nodes` takes.
#[derive(Debug, Args)]
pub struct NodesArgs {
    /// The nodes; without any, all
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<NodeName>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `drain` takes.
#[derive(Debug, Args)]
pub struct DrainArgs {
    /// The node
    #[arg(value_name = "NODE")]
    pub(crate) node: NodeName,
    /// Have guests worked on there again
    #[arg(long, conflicts_with_all = ["lasting", "reason", "timeout", "detach"])]
    pub(crate) end: bool,
    /// For how long nothing is repaired and nobody is called, 24h at most, and 1h where nothing is said; it
    /// stays drained until `--end`
    #[arg(long = "for", value_name = "DURATION", value_parser = words::maintenance)]
    pub(crate) lasting: Option<Duration>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Wait no longer than this, such as 30m, and end with code 8; the node stays drained
    #[arg(long, value_name = "DURATION", value_parser = words::duration)]
    pub(crate) timeout: Option<Duration>,
    /// Do not wait until what is in hand has ended
    #[arg(long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `test` takes.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Vmid,
    /// Only this suite; may be given again. Without any, all
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Vec<String>,
    /// How long to wait for each test
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = words::duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `runs` takes.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Only what was asked for since then: 2h ago, or 2026-11-22T03:00:00Z
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = words::moment)]
    pub(crate) since: DateTime<Utc>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `follow` takes.
#[derive(Debug, Args)]
pub struct FollowArgs {
    /// The run
    #[arg(value_name = "RUN", value_parser = words::run)]
    pub(crate) run: RunId,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `cancel` takes.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Runs and guests
    #[arg(value_name = "RUN|ID", required = true, value_parser = words::named)]
    pub(crate) named: Vec<Named>,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `answer` takes.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// The guest, or the run whose open questions are all answered
    #[arg(value_name = "RUN|ID", value_parser = words::named)]
    pub(crate) named: Named,
    /// Whether it goes on as it was asked for, or is cancelled
    #[arg(value_enum, value_name = "yes|no", hide_possible_values = true)]
    pub(crate) says: Says,
    /// Answer only while this is what is asked, as `phoenix status` has it
    #[arg(long, value_name = "TEXT")]
    pub(crate) asked: Option<String>,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What somebody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Says {
    /// It goes on
    Yes,
    /// It is cancelled
    No,
}

/// What `retry` takes.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// The guests
    #[arg(value_name = "ID", required = true, value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    /// Vouch for the log after it was restored from a backup
    #[arg(long)]
    pub(crate) trust_log: bool,
    /// Print the run's id and do not follow it
    #[arg(long, short)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// The verbs of `dead`.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// List what was given up
    List(DeadListArgs),
    /// Show a letter: what was wanted, what went wrong, and what happened before
    Show(DeadShowArgs),
    /// Ask for the guest of a letter once more, and discard the letter
    Replay(ReplayArgs),
    /// Throw letters away
    Discard(DiscardArgs),
}

/// What `dead list` takes.
#[derive(Debug, Args)]
pub struct DeadListArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `dead show` takes.
#[derive(Debug, Args)]
pub struct DeadShowArgs {
    /// The letter's number
    #[arg(value_name = "N")]
    pub(crate) letter: u64,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `dead replay` takes.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The letter's number
    #[arg(value_name = "N")]
    pub(crate) letter: u64,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
    #[command(flatten)]
    pub(crate) who: WhoArgs,
}

/// What `dead discard` takes.
#[derive(Debug, Args)]
pub struct DiscardArgs {
    /// The letters' numbers
    #[arg(value_name = "N", required = true)]
    pub(crate) letters: Vec<u64>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}
