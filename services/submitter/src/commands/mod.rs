//! What the verbs do, one a file.

mod adopt;
pub(crate) mod answer;
mod approve;
mod backup;
pub(crate) mod cancel;
mod check;
mod completion;
pub(crate) mod dead;
mod deliveries;
mod doctor;
mod drain;
mod drift;
mod explain;
pub(crate) mod feature;
mod follow;
pub(crate) mod health;
mod history;
mod live;
pub(crate) mod logs;
mod man;
mod nats;
mod nodes;
mod plan;
mod power;
mod recover;
mod removal;
pub(crate) mod retry;
mod runs;
mod schema;
mod secrets;
mod setup;
mod show;
mod state;
mod status;
mod submit;
mod test;
mod trace;
mod wanted;
mod watch;

pub(crate) use self::nats::NatsError;
pub(crate) use self::submit::{all_wanted, refuse_to_move, wanted_of_all};
use phoenix_domain::RunId;

pub(crate) use self::backup::BackupError;

use crate::cli::{Command, ConfigCommand};
use crate::error::CommandError;
use crate::follow::Watched;
use crate::output::Output;
use crate::words;

/// Does what was typed, and returns the exit code. `whole` is the program it was typed to.
pub(crate) fn run(
    command: Command,
    whole: clap::Command,
    output: &mut Output,
) -> Result<u8, CommandError> {
    match command {
        Command::Check(args) => check::run(&args, output),
        Command::Doctor(args) => doctor::run(&args, output),
        Command::Plan(args) => plan::run(&args, output),
        Command::Setup(args) => setup::run(&args, output),
        Command::Submit(args) => submit::run(&args, output),
        Command::Start(args) => power::start(&args, output),
        Command::Stop(args) => power::stop(&args, output),
        Command::Restart(args) => power::restart(&args, output),
        Command::Delete(args) => power::delete(&args, output),
        Command::Adopt(args) => adopt::run(&args, output),
        Command::Drift(args) => drift::run(&args, output),
        Command::Test(args) => test::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Nodes(args) => nodes::run(&args, output),
        Command::Drain(args) => drain::run(&args, output),
        Command::Runs(args) => runs::run(&args, output),
        Command::Follow(args) => follow::run(&args, output),
        Command::Watch(args) => watch::run(&args, output),
        Command::History(args) => history::run(&args, output),
        Command::State(args) => state::run(&args, output),
        Command::Logs(args) => logs::run(&args, output),
        Command::Trace(args) => trace::run(&args, output),
        Command::Top(args) => crate::screen::run(&args, output),
        Command::Deliveries(args) => deliveries::run(&args, output),
        Command::Serve(args) => crate::serve::run(&args, output),
        Command::Cancel(args) => cancel::run(&args, output),
        Command::Retry(args) => retry::run(&args, output),
        Command::Answer(args) => answer::run(&args, output),
        Command::Health(args) => health::run(&args, output),
        Command::Incidents(args) => health::incidents(&args, output),
        Command::Ack(args) => health::ack(&args, output),
        Command::Maintenance(command) => health::maintenance(&command, output),
        Command::Breaker(command) => health::breaker(&command, output),
        Command::Channels(args) => health::channels(&args, output),
        Command::Repair(args) => health::repair(&args, output),
        Command::Dead(command) => dead::run(&command, output),
        Command::Config(ConfigCommand::Show(args)) => show::run(&args, output),
        Command::Nats(command) => nats::run(&command, output),
        Command::Backup(args) => backup::back_up(&args, output),
        Command::Restore(args) => backup::restore(&args, output),
        Command::Recover(args) => recover::run(&args, output),
        Command::Secrets(command) => secrets::run(&command, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Completion(args) => completion::run(&args, whole, output),
        Command::Man(args) => man::run(&args, whole, output),
    }
}

/// Prints the run that somebody does not want to follow now: `own`, or else those that are at work
/// already.
fn tell_run(
    own: Option<&RunId>,
    watched: &Watched,
    output: &mut Output,
) -> Result<u8, CommandError> {
    let runs = own.map_or_else(|| watched.runs(), |run| vec![run.clone()]);
    for run in runs {
        output.data(&format!("{run}\n"))?;
        output.remark(&format!("follow it: {}", words::follow(&run)))?;
    }
    Ok(0)
}
