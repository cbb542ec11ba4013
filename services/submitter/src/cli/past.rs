//! What the verbs take that look back. The comments here are the help texts.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueHint};
use phoenix_domain::{EventKind, RunId, StepName, Vmid};

use super::online::{ConnectArgs, FollowFormat, ListArgs};
use super::words;

/// What `history` takes.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Vmid,
    /// Only what happened since then: 2h ago, or 2026-11-22T03:00:00Z
    #[arg(long, value_name = "TIME", value_parser = words::moment)]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Only what happened until then
    #[arg(long, value_name = "TIME", value_parser = words::moment)]
    pub(crate) until: Option<DateTime<Utc>>,
    /// Only this run
    #[arg(long, value_name = "RUN", value_parser = words::run)]
    pub(crate) run: Option<RunId>,
    /// Only these kinds of event, such as step-failed,retry-wait,dead-lettered
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = words::kind)]
    pub(crate) kind: Vec<EventKind>,
    /// How to tell it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: FollowFormat,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// What `state` takes.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Vmid,
    /// When: 2h ago, or 2026-11-22T03:00:00Z
    #[arg(long, value_name = "TIME", value_parser = words::moment)]
    pub(crate) at: DateTime<Utc>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What `logs` takes.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Vmid,
    /// Only this step, such as apply_features
    #[arg(long, value_name = "STEP", value_parser = words::step)]
    pub(crate) step: Option<StepName>,
    /// Only this run
    #[arg(long, value_name = "RUN", value_parser = words::run)]
    pub(crate) run: Option<RunId>,
    /// Go on with what is said from now on, until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// What `trace` takes.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// The run
    #[arg(value_name = "RUN", value_parser = words::run)]
    pub(crate) run: RunId,
    /// Write it as a picture into this file instead
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
