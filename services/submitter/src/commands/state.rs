//! `phoenix state`: how a guest was at a time.

use phoenix_domain::Event;
use serde_json::json;

use crate::cli::{ListFormat, StateArgs};
use crate::error::CommandError;
use crate::output::Output;
use crate::session;
use crate::states::{self, States};
use crate::status::{self, Around};
use crate::words;

pub(super) fn run(args: &StateArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(show(args, output))
}

async fn show(args: &StateArgs, output: &mut Output) -> Result<u8, CommandError> {
    let now = session::now();
    if args.at > now {
        return Err(CommandError::StillToCome { asked: args.guest, at: args.at, now });
    }
    let session = session::open(&args.list.connect, output).await?;
    let guest = states::key(&session.bus, args.guest).await?;
    let events = session.bus.history(guest).await?;
    let oldest = events.first().map(|(_, event)| event.time);
    let Some(then) = last_until(events, args) else {
        return Err(CommandError::NotYetThere { asked: args.guest, at: args.at, oldest });
    };
    let below = then.1.state.desired.stands_on.clone();
    let mut known = vec![then];
    for below in below {
        known.extend(last_until(session.bus.history(below).await?, args));
    }
    let states = States::at(known);
    let around = Around { states: &states, hosts: None, now: args.at };
    match args.list.output {
        ListFormat::Text => {
            let head = format!("as of {}: ", words::time(args.at));
            output.data(&format!("{head}{}", status::details(&around, guest)))?;
        }
        ListFormat::Json => {
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "GuestStatus", "at": words::time(args.at),
                "guest": status::json(&around, guest),
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(0)
}

/// Returns the last event until then, in the order of the log.
fn last_until(events: Vec<(u64, Event)>, args: &StateArgs) -> Option<(u64, Event)> {
    events.into_iter().take_while(|(_, event)| event.time <= args.at).last()
}
