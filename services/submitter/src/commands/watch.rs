//! `phoenix watch`: tells what happens, for ever.

use phoenix_bus::{From, Told};
use phoenix_domain::{Event, GuestKey};

use crate::cli::{FollowFormat, WatchArgs};
use crate::error::{CommandError, EXIT_INTERRUPTED};
use crate::follow;
use crate::output::Output;
use crate::session;
use crate::words;

pub(super) fn run(args: &WatchArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(watch(args, output))
}

async fn watch(args: &WatchArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.events.connect, output).await?;
    let from = match (args.events.since, args.events.until) {
        (Some(since), _) => From::Since(since),
        (None, Some(_)) => From::Beginning,
        (None, None) => From::Now,
    };
    let mut tail = session.bus.tail(from).await?;
    let mut guests = session.bus.listen().await?;
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let told = tokio::select! {
            told = tail.next() => told,
            said = guests.next() => {
                if is_heard(args, said.guest) {
                    for line in words::said(&said, "") {
                        if !output.stream(&format!("{line}\n"))? {
                            return Ok(0);
                        }
                    }
                }
                continue;
            }
            _ = &mut interrupt => return Ok(EXIT_INTERRUPTED),
        };
        match told {
            Told::Event { event, .. } => {
                if args.events.until.is_some_and(|until| event.time > until) {
                    return Ok(0);
                }
                if is_wanted(args, &event) && !output.stream(&line(args.events.output, &event)?)? {
                    return Ok(0);
                }
            }
            Told::Unreadable(foreign) => {
                let guest = foreign.guest.map(|guest| format!(" of {guest}")).unwrap_or_default();
                let cause = words::line(&foreign.cause);
                output.remark(&format!(
                    "warning: what stands in the log{guest} is not ours: {cause}"
                ))?;
            }
            Told::Rewound => output
                .remark("warning: the log went backwards: it was restored, or is another one")?,
            // What is past does not go on.
            Told::CaughtUp if args.events.until.is_some_and(|until| until <= session::now()) => {
                return Ok(0);
            }
            Told::CaughtUp => {}
        }
    }
}

fn line(format: FollowFormat, event: &Event) -> Result<String, CommandError> {
    match format {
        FollowFormat::Text => Ok(format!("{}\n", words::event(event, &words::name(&event.state)))),
        FollowFormat::Jsonl => follow::jsonl(event),
    }
}

/// Says whether what is said in a guest is shown: not where only some events are asked for.
fn is_heard(args: &WatchArgs, guest: GuestKey) -> bool {
    args.events.output == FollowFormat::Text
        && args.events.run.is_none()
        && args.host.is_empty()
        && args.events.until.is_none()
        && args.events.kind.is_empty()
        && (args.guests.is_empty() || args.guests.contains(&guest.vmid))
}

fn is_wanted(args: &WatchArgs, event: &Event) -> bool {
    let state = &event.state;
    (args.guests.is_empty() || args.guests.contains(&state.guest.vmid))
        && (args.host.is_empty() || args.host.contains(&state.desired.host))
        && args.events.want(event)
}
