//! `phoenix submit` and `phoenix-submit`: check, plan, and hand over.

use phoenix_domain::Verb;

use super::plan;
use crate::cli::SubmitArgs;
use crate::config;
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: &SubmitArgs, output: &mut Output) -> Result<u8, CommandError> {
    let loaded = config::read(&args.config)?;
    config::known(&loaded, &args.guests)?;
    let fleet = config::fleet(&loaded)?;
    if !args.dry_run {
        return Err(CommandError::CannotPublish);
    }
    output.data(&plan::text(fleet, Verb::Create, &plan::once_each(&args.guests))?)?;
    Ok(0)
}
