//! `phoenix logs`: what was said inside of a guest, and what its commands printed.

use phoenix_bus::{Bus, From, Listener, Tail, Told};
use phoenix_domain::{Event, Fact, GuestKey, StepName};

use crate::cli::LogsArgs;
use crate::error::{CommandError, EXIT_INTERRUPTED};
use crate::output::Output;
use crate::session;
use crate::states;
use crate::words;

pub(super) fn run(args: &LogsArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(tell(args, output))
}

async fn tell(args: &LogsArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let guest = states::key(&session.bus, args.guest).await?;
    // Followed from before the log is read, so that nothing in between is missed.
    let live = if args.follow { Some(live(&session.bus, guest).await?) } else { None };
    let (mut last, mut count) = (0, 0);
    for (seq, event) in session.bus.history(guest).await? {
        last = seq;
        let Some(entry) = wanted(args, &event) else { continue };
        count += 1;
        if !output.stream(&entry.text(true))? {
            return Ok(0);
        }
    }
    if let Some((tail, listener)) = live {
        return follow(args, guest, last, tail, listener, output).await;
    }
    if count == 0 {
        output
            .remark("nothing is kept of what was said in it; `--follow` tells what is said now")?;
    }
    Ok(0)
}

async fn live(bus: &Bus, guest: GuestKey) -> Result<(Tail, Listener), CommandError> {
    Ok((bus.tail_guest(guest, From::Now).await?, bus.listen().await?))
}

async fn follow(
    args: &LogsArgs,
    guest: GuestKey,
    last: u64,
    mut tail: Tail,
    mut listener: Listener,
    output: &mut Output,
) -> Result<u8, CommandError> {
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    // What was heard as it was said is not told again when its step ends.
    let mut was_heard = false;
    loop {
        let text = tokio::select! {
            said = listener.next() => {
                let said = said?;
                if said.guest != guest || args.step.is_some() || args.run.is_some() {
                    continue;
                }
                was_heard = true;
                lines(&said.lines)
            }
            told = tail.next() => match told {
                Told::Event { seq, event } if seq > last => {
                    let Some(entry) = wanted(args, &event) else { continue };
                    entry.text(!std::mem::take(&mut was_heard))
                }
                Told::Event { .. } | Told::CaughtUp | Told::Rewound | Told::Unreadable(_) => continue,
            },
            _ = &mut interrupt => return Ok(EXIT_INTERRUPTED),
        };
        if !output.stream(&text)? {
            return Ok(0);
        }
    }
}

/// What was said in one attempt at a step.
pub(crate) struct Entry {
    /// When, and what came of it.
    pub(crate) head: String,
    /// What was said inside of the guest.
    pub(crate) said: Vec<String>,
    /// What the tool printed that failed; nobody heard it before.
    pub(crate) printed: Vec<String>,
}

impl Entry {
    fn text(&self, says_again: bool) -> String {
        let said = if says_again { lines(&self.said) } else { String::new() };
        format!("== {}\n{said}{}", self.head, lines(&self.printed))
    }
}

/// Returns what was said in an attempt, where that is asked for and there is anything.
fn wanted(args: &LogsArgs, event: &Event) -> Option<Entry> {
    let is_of_run = args.run.as_ref().is_none_or(|run| event.state.desired.run == *run);
    entry(event, args.step).filter(|_| is_of_run)
}

/// Returns what was said in an attempt at a step, this one or any, where there is anything.
pub(crate) fn entry(event: &Event, at: Option<StepName>) -> Option<Entry> {
    let is_wanted = |step: Option<StepName>| at.is_none_or(|wanted| step == Some(wanted));
    let head = || format!("{}  {}", words::time(event.time), words::happened(event));
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "only what ends an attempt has said anything"
    )]
    match &event.fact {
        Fact::StepTaken(taken) if is_wanted(Some(taken.step)) && !taken.said.is_empty() => {
            Some(Entry { head: head(), said: taken.said.clone(), printed: Vec::new() })
        }
        Fact::StepFailed(failed) if is_wanted(failed.failure.step) => {
            let printed = failed.failure.output.iter().cloned().collect();
            Some(Entry { head: head(), said: Vec::new(), printed })
        }
        _ => None,
    }
}

fn lines(texts: &[String]) -> String {
    let mut all = String::new();
    for line in texts.iter().flat_map(|text| words::lines(text)) {
        all.push_str("  ");
        all.push_str(&line);
        all.push('\n');
    }
    all
}
