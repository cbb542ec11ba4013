//! What may be typed. The comments here are the help texts.

#![expect(clippy::doc_markdown, reason = "help texts are no Markdown")]

mod backup;
mod doctor;
mod feature;
mod health;
mod nats;
mod offline;
mod online;
mod past;
mod secrets;
mod serve;
mod setup;
mod verbs;
mod words;

use clap::{Parser, Subcommand};
use phoenix_domain::{GuestKey, Vmid};

pub(crate) use self::backup::{BackupArgs, RecoverArgs, RestoreArgs};
pub(crate) use self::doctor::DoctorArgs;
pub use self::feature::FeatureCommand;
pub(crate) use self::feature::{
    FeatureListArgs, FeatureNewArgs, FeatureOutdatedArgs, FeatureShowArgs, FeaturesArgs,
};
pub(crate) use self::health::{
    AckArgs, BreakerCommand, ChannelArgs, ChannelsArgs, ChannelsCommand, HealthArgs, HealthCommand,
    IncidentsArgs, LookArgs, MaintainArgs, MaintenanceCommand, ModeArgs, ProbeArgs, RepairArgs,
    TypedRung,
};
pub(crate) use self::nats::{NatsCommand, NatsInitArgs, NatsSetupArgs};
pub(crate) use self::offline::{
    CheckArgs, CheckFormat, CompletionArgs, ConfigArgs, ConfigCommand, ExplainArgs, ExplainFormat,
    GraphFormat, ManArgs, PlanArgs, PlanFormat, SchemaArgs, SchemaOf, ShowArgs, ShowFormat,
};
pub(crate) use self::online::Says;
pub(crate) use self::online::{
    AnswerArgs, CancelArgs, DeadCommand, DeadShowArgs, DiscardArgs, DrainArgs, FollowArgs,
    FollowFormat, ListArgs, ListFormat, LiveArgs, NodesArgs, ReplayArgs, RetryArgs, RunsArgs,
    StatusArgs, SubmitArgs, TestArgs, WhoArgs,
};
pub(crate) use self::past::{HistoryArgs, LogsArgs, StateArgs, TraceArgs, WatchArgs};
pub(crate) use self::secrets::{SecretsCheckArgs, SecretsCommand};
pub(crate) use self::serve::{DeliveriesArgs, ServeArgs, TopArgs};
pub(crate) use self::setup::SetupArgs;
pub(crate) use self::verbs::{AdoptArgs, DeleteArgs, DriftArgs, PowerArgs, StartArgs};
pub(crate) use self::words::Named;
use crate::output::ColorChoice;

/// How commands end, and what of the environment they heed.
pub const AFTER_HELP: &str = "\
Exit codes:
  0    done, nothing wrong
  1    it could not be done
  2    what is there differs from what is wanted (doctor, drift, health, plan --exit-code,
       setup --verify)
  3    the configuration is refused
  4    NATS does not let us in
  5    there is no such guest, run, letter, incident, feature or code
  7    NATS, or who keeps secrets, is not there for now; it is safe to try again
  8    waited too long; the run goes on
  9    the run failed, or waits for a human; setup waits for a reboot
  10   somebody else was faster, or wants something else
  64   the command line makes no sense
  130  stopped watching; the run goes on

Environment:
  PHOENIX_CONFIG_DIR  where the configuration is, unless --config says so
  NATS_URL            where NATS is, unless --nats-url or PHOENIX_NATS_URL says so
  NATS_CREDS          the credentials for NATS, unless --nats-creds says so
  PHOENIX_NATS_NKEY_FILE, PHOENIX_NATS_CA_FILE
                      the key of a role for NATS, and who vouches for the server, unless
                      --nats-nkey-file and --nats-ca-file say so
  PHOENIX_CELL        the cell, unless --cell says so
  NO_COLOR            no colours, whatever the terminal can do";

/// Submits guests and everything they stand on; the same as `phoenix submit`.
#[derive(Debug, Parser)]
#[command(name = "phoenix-submit", version, after_help = AFTER_HELP)]
pub(crate) struct PhoenixSubmit {
    #[command(flatten)]
    pub(crate) args: SubmitArgs,
    /// When to use colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// What an operator types: the verbs of `phoenix` but those that run a service.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the configuration and say everything that is wrong with it
    Check(CheckArgs),
    /// Look at everything an operator would, and say what to type where it is not well
    Doctor(Box<DoctorArgs>),
    /// Show what would be changed on the host, in which order, and at what cost; nothing is run
    Plan(PlanArgs),
    /// Make this host as its file says; nothing is done before it was shown and agreed to
    Setup(Box<SetupArgs>),
    /// Submit guests and everything they stand on, and follow them until they are done
    #[command(visible_alias = "create")]
    Submit(SubmitArgs),
    /// Start guests and everything they stand on
    Start(StartArgs),
    /// Stop guests, and no others
    Stop(PowerArgs),
    /// Start guests anew, once, and no others
    Restart(PowerArgs),
    /// Remove guests, and no others; their volumes stay
    Delete(DeleteArgs),
    /// Take over guests that somebody else made, and make them as the configuration says
    Adopt(AdoptArgs),
    /// Say what on the host is otherwise than it was made
    Drift(DriftArgs),
    /// Run the tests of a guest inside of it, and say which passed
    Test(TestArgs),
    /// Show how guests are and what is being done about them
    Status(StatusArgs),
    /// Show the nodes: whether somebody works there, and what waits for that
    Nodes(NodesArgs),
    /// Have nothing begun on a node for now, and wait until what is in hand there has ended
    Drain(DrainArgs),
    /// List what was asked for lately
    Runs(RunsArgs),
    /// Follow a run until it is done
    Follow(FollowArgs),
    /// Tell what happens as it happens, one line each, until Ctrl-C
    Watch(WatchArgs),
    /// Tell what happened to a guest
    History(HistoryArgs),
    /// Show how a guest was at a time
    State(StateArgs),
    /// Show what was said inside of a guest, and what its commands printed
    Logs(LogsArgs),
    /// Show a run as a line of time: what was done when, and what took how long
    Trace(TraceArgs),
    /// Show on the whole terminal how everything is, as it happens, until q
    Top(TopArgs),
    /// Show in the browser how everything is, as it happens, until Ctrl-C
    Serve(ServeArgs),
    /// List the webhooks of the last days, and what became of them
    Deliveries(DeliveriesArgs),
    /// Stop working on guests, or on everything of a run
    Cancel(CancelArgs),
    /// Try guests again as they were last asked for
    Retry(RetryArgs),
    /// Answer what is asked about a guest, or about the guests of a run
    Answer(AnswerArgs),
    /// Say how guests do, as the health monitor finds them
    Health(HealthArgs),
    /// List what is wrong, and what is done about it
    Incidents(IncidentsArgs),
    /// Say that you have seen an incident: nobody is reminded of it any more
    Ack(AckArgs),
    /// Have nothing repaired for a while, because somebody is at it
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Stop all repairs, or have them go on
    #[command(subcommand)]
    Breaker(BreakerCommand),
    /// List the channels by which people are called, and how they do
    Channels(ChannelsArgs),
    /// Have the health monitor repair a guest now
    Repair(RepairArgs),
    /// Look after what was given up
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Look at the configuration as Phoenix understands it
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Configure nats-server so that each role may do what it needs, and make its streams
    #[command(subcommand)]
    Nats(Box<NatsCommand>),
    /// Write all that NATS keeps for Phoenix into one file
    Backup(BackupArgs),
    /// Put back what `backup` wrote, into a NATS that holds nothing
    Restore(RestoreArgs),
    /// Have NATS know again what the hosts have, where all of it is lost; no guest is touched
    Recover(RecoverArgs),
    /// Look after secrets
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Explain why a guest or a run is not well, an incident, or the code of a finding
    Explain(ExplainArgs),
    /// Print the JSON Schema of a file
    Schema(SchemaArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
    /// Write the man pages into a folder
    Man(ManArgs),
}

/// Reads a guest. Containers and machines share one space of numbers, so the number alone says which.
pub(crate) fn vmid(text: &str) -> Result<Vmid, String> {
    GuestKey::typed(text).map(|(_, vmid)| vmid).map_err(|err| err.rule.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(subcommand)]
        _command: Command,
    }

    #[test]
    fn the_command_lines_make_sense() {
        Whole::command().debug_assert();
        PhoenixSubmit::command().debug_assert();
    }
}
