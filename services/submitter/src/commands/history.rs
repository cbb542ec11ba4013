//! `phoenix history`: what happened to a guest.

use crate::cli::{FollowFormat, HistoryArgs};
use crate::error::CommandError;
use crate::follow;
use crate::output::Output;
use crate::session;
use crate::states;
use crate::words;

pub(super) fn run(args: &HistoryArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(tell(args, output))
}

async fn tell(args: &HistoryArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.events.connect, output).await?;
    let guest = states::key(&session.bus, args.guest).await?;
    let events = session.bus.history(guest).await?;
    let mut run = None;
    let mut count = 0;
    for (_, event) in events.iter().filter(|(_, event)| args.events.want(event)) {
        count += 1;
        let said = match args.events.output {
            FollowFormat::Jsonl => follow::jsonl(event)?,
            FollowFormat::Text => {
                let is_next =
                    run.replace(&event.state.desired.run) != Some(&event.state.desired.run);
                let gap = if is_next && count > 1 { "\n" } else { "" };
                format!("{gap}{}  {}\n", words::time(event.time), words::happened(event))
            }
        };
        if !output.stream(&said)? {
            return Ok(0);
        }
    }
    if count == 0 {
        let oldest = events.first().map(|(_, event)| words::time(event.time));
        let oldest = oldest.map(|time| format!("; what is kept begins at {time}"));
        output.remark(&format!("nothing of that kind happened{}", oldest.unwrap_or_default()))?;
    }
    Ok(0)
}
