//! What a health monitor can be told.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use phoenix_bus::NatsArgs;
use phoenix_config::ChannelKind;
use phoenix_secrets::SecretsArgs;
use phoenix_service::LogArgs;

/// What a health monitor can be told.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Where NATS is
    #[command(flatten)]
    pub nats: NatsArgs,
    /// Seconds from one question to a service to the next one
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub period: u64,
    /// The network namespace from which guests are reached, where that is not the one it is in
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub netns: Option<PathBuf>,
    /// How many times as fast its clock goes, to see in minutes what takes hours
    #[arg(long, default_value_t = 1, value_name = "N", hide = true, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub clock_speed: u32,
    /// Where it has the keys of services
    #[command(flatten)]
    pub secrets: SecretsArgs,
    /// The file that says who is called, and how; without it nobody is
    #[arg(long, env = "PHOENIX_CHANNELS", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub channels: Option<PathBuf>,
    /// Print the text of a message as it is without a template of one's own, and end
    #[arg(long, value_enum, value_name = "KIND")]
    pub print_template: Option<Written>,
    /// What is logged, and how
    #[command(flatten)]
    pub log: LogArgs,
}

/// The kinds of channels that send a text. A webhook sends the event as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Written {
    /// A message on phones
    Ntfy,
    /// A message in a room
    Slack,
    /// The description of an alert
    Alertmanager,
    /// The body of a mail
    Mail,
}

impl From<Written> for ChannelKind {
    fn from(written: Written) -> Self {
        match written {
            Written::Ntfy => Self::Ntfy,
            Written::Slack => Self::Slack,
            Written::Alertmanager => Self::Alertmanager,
            Written::Mail => Self::Mail,
        }
    }
}
