//! `phoenix status`: how guests are.

use serde_json::json;

use crate::approvals;
use crate::cli::{ListFormat, StatusArgs};
use crate::error::CommandError;
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::status::{self, Around};

pub(super) fn run(args: &StatusArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(show(args, output))
}

async fn show(args: &StatusArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.list.connect, output).await?;
    let states = States::read(&session.bus).await?;
    let guests = if args.guests.is_empty() {
        states.guests().collect()
    } else {
        states.named(&args.guests)?
    };
    let hosts = session.bus.hosts().await?;
    // Whoever asks about guests is told of those.
    let asked = if args.guests.is_empty() { session.bus.approvals().await? } else { Vec::new() };
    let around = Around { states: &states, hosts: Some(&hosts), now: session::now() };
    match (args.list.output, guests.as_slice()) {
        (ListFormat::Json, _) => {
            let guests: Vec<_> =
                guests.iter().filter_map(|guest| status::json(&around, *guest)).collect();
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "GuestStatusList", "guests": guests,
                "questions": approvals::json(&asked),
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        (ListFormat::Text, []) => output.remark("no guest was submitted yet")?,
        (ListFormat::Text, [guest]) if !args.guests.is_empty() => {
            output.data(&status::details(&around, *guest))?;
        }
        (ListFormat::Text, guests) => output.data(&status::list(&around, guests))?,
    }
    if !asked.is_empty() && matches!(args.list.output, ListFormat::Text) {
        output.data(&format!("\n{}", approvals::text(&asked)))?;
    }
    Ok(0)
}
