//! What the verbs take that look back. The comments here are the help texts.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum, ValueHint};
use phoenix_bus::NatsArgs;
use phoenix_domain::health::HealthNews;
use phoenix_domain::{Event, EventKind, GuestKey, NodeName, RunId, StepName, Vmid};

use super::online::{FollowFormat, ListArgs};
use super::words;
use crate::severity::Severity;

/// Which events are told, and how.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
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
    /// Only what is at least as bad as this
    #[arg(long, value_enum, default_value = "info", value_name = "SEVERITY")]
    pub(crate) severity: Severity,
    /// How to tell it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: FollowFormat,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

impl EventsArgs {
    /// Says whether an event is told.
    pub(crate) fn want(&self, event: &Event) -> bool {
        self.is_within(event.time)
            && Severity::of(event) >= self.severity
            && self.run.as_ref().is_none_or(|run| event.state.desired.run == *run)
            && (self.kind.is_empty() || self.kind.contains(&event.fact.kind()))
    }

    /// Says whether what is told of health is told on.
    pub(crate) fn want_health(&self, news: &HealthNews) -> bool {
        self.is_within(news.time()) && Severity::of_health(news) >= self.severity
    }

    fn is_within(&self, time: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

/// What `watch` takes.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Only these guests
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    /// Only guests of these hosts
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = words::node)]
    pub(crate) host: Vec<NodeName>,
    /// Only what happens to guests, or only what the health monitor tells. Of a run, or of kinds of
    /// event, only what happens to guests is told anyway
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["run", "kind"])]
    pub(crate) only: Option<Told>,
    #[command(flatten)]
    pub(crate) events: EventsArgs,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Told {
    /// What happens to guests
    Guests,
    /// What the health monitor tells: verdicts, incidents, and channels that call nobody
    Health,
}

impl WatchArgs {
    /// Says whether what happens to guests is told.
    pub(crate) fn wants_guests(&self) -> bool {
        self.only != Some(Told::Health)
    }

    /// Says whether what the health monitor tells is told.
    pub(crate) fn wants_health(&self) -> bool {
        let events = &self.events;
        self.only != Some(Told::Guests) && events.run.is_none() && events.kind.is_empty()
    }

    /// Says whether what is said in a guest is told: not where only some events are asked for.
    pub(crate) fn hears(&self, guest: GuestKey) -> bool {
        let events = &self.events;
        self.wants_guests()
            && events.output == FollowFormat::Text
            && events.run.is_none()
            && self.host.is_empty()
            && events.until.is_none()
            && events.kind.is_empty()
            && events.severity == Severity::Info
            && (self.guests.is_empty() || self.guests.contains(&guest.vmid))
    }
}

/// What `history` takes.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The guest
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guest: Vmid,
    #[command(flatten)]
    pub(crate) events: EventsArgs,
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
    pub(crate) connect: NatsArgs,
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
    pub(crate) connect: NatsArgs,
}
