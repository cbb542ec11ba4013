//! `phoenix deliveries`: the webhooks of the last days, and what became of them.

use std::collections::BTreeSet;

use crate::cli::{DeliveriesArgs, ListFormat};
use crate::deliveries;
use crate::error::CommandError;
use crate::output::Output;
use crate::session;
use crate::states::States;

pub(super) fn run(args: &DeliveriesArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(list(args, output))
}

async fn list(args: &DeliveriesArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.list.connect, output).await?;
    let mut noted = session.bus.deliveries().await?;
    if let Some(asked) = &args.source {
        let there: BTreeSet<_> = noted.iter().map(|one| one.source.clone()).collect();
        if !there.contains(asked) {
            let (asked, there) = (asked.clone(), there.into_iter().collect());
            return Err(CommandError::NoSuchSource { asked, there });
        }
        noted.retain(|one| one.source == *asked);
    }
    let states = States::read(&session.bus).await?;
    match args.list.output {
        ListFormat::Text if noted.is_empty() => {
            output.remark("no webhook was accepted in the last days")?;
        }
        ListFormat::Text => output.data(&deliveries::text(&noted, &states))?,
        ListFormat::Json => {
            let document = serde_json::to_string_pretty(&deliveries::json(&noted, &states))?;
            output.data(&format!("{document}\n"))?;
        }
    }
    Ok(0)
}
