//! `phoenix deliveries`: the webhooks of the last days, and what became of them.

use crate::cli::{DeliveriesArgs, ListFormat};
use crate::deliveries;
use crate::error::CommandError;
use crate::output::Output;
use crate::session;

pub(super) fn run(args: &DeliveriesArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(list(args, output))
}

async fn list(args: &DeliveriesArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.list.connect, output).await?;
    let mut noted = session.bus.deliveries().await?;
    noted.retain(|one| args.source.as_ref().is_none_or(|source| *source == one.source));
    match args.list.output {
        ListFormat::Text if noted.is_empty() => {
            output.remark("no webhook was accepted in the last days")?;
        }
        ListFormat::Text => output.data(&deliveries::text(&noted))?,
        ListFormat::Json => {
            let document = serde_json::to_string_pretty(&deliveries::json(&noted))?;
            output.data(&format!("{document}\n"))?;
        }
    }
    Ok(0)
}
