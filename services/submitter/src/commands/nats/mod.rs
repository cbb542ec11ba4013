//! `phoenix nats`: who is let in by nats-server, and may do what.

mod certificates;
mod error;
mod files;
mod init;
mod layout;

use phoenix_bus::{Cell, Proof, roles_page};

pub(crate) use self::error::NatsError;
use crate::cli::{NatsCommand, NatsSetupArgs};
use crate::error::CommandError;
use crate::output::Output;
use crate::session;

pub(super) fn run(command: &NatsCommand, output: &mut Output) -> Result<u8, CommandError> {
    match command {
        NatsCommand::Init(args) => init::run(args, output),
        NatsCommand::Setup(args) => session::run(set_up(args, output)),
        NatsCommand::Roles => roles(output),
    }
}

async fn set_up(args: &NatsSetupArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.connect).await?;
    let monitor = Some(args.nats_monitor.clone());
    let durability = bus.durability(&Proof::Ask { monitor }).await?;
    let setup = bus.set_up(durability).await?;
    output.remark(&format!(
        "streams and buckets are there; what is stored is {}",
        setup.durability.word()
    ))?;
    Ok(0)
}

fn roles(output: &mut Output) -> Result<u8, CommandError> {
    let name = |text: &str| text.parse().map_err(CommandError::BadNode);
    output.data(&roles_page(&Cell::new(name("CELL")?), &name("HOST")?))?;
    Ok(0)
}
