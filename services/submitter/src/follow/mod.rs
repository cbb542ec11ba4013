//! Follows guests until nothing more happens to them by itself.

mod summary;
#[cfg(test)]
mod tests;
mod tree;
mod watched;

use std::io;
use std::time::Duration;

use phoenix_bus::{Aloud, Bus, Tail, Told};
use phoenix_domain::{Event, RunId};
use tokio::time::{Instant, MissedTickBehavior};

use self::tree::Tree;
pub(crate) use self::watched::{Ending, Guest, Watched};
use crate::asking::Silent;
use crate::cli::{FollowFormat, LiveArgs};
use crate::error::{CommandError, EXIT_INTERRUPTED, EXIT_WAITED};
use crate::output::Output;
use crate::{asking, session, words};

/// How often what is shown is brought up to date while nothing happens.
const PULSE: Duration = Duration::from_millis(500);
/// How often it is asked whether somebody is there for each guest, also while others are worked on.
const LOOK: Duration = Duration::from_secs(5);
/// On a terminal, more guests than this are told line by line.
const MOST_IN_A_TREE: usize = 24;

/// What to look at where somebody was there, and is heard no longer.
const GONE: &str = "see whether `phoenix worker` runs there, and what its log says; where the disk of nats-server is full, make room and start nats-server anew";

/// How what happens is shown.
enum View {
    Tree(Tree),
    Lines,
    Events,
}

/// Why following ended.
enum Stop {
    Over,
    Waited(Duration),
    Interrupted,
}

/// Follows guests, and returns the exit code. `tail` must have begun before they were as they are
/// in `watched`. `run` is the run they were asked for in, where they have one in common.
pub(crate) async fn follow(
    bus: &Bus,
    mut tail: Tail,
    mut watched: Watched,
    run: Option<&RunId>,
    live: &LiveArgs,
    output: &mut Output,
) -> Result<u8, CommandError> {
    let mut view = View::new(live.output, &watched, output);
    let stop = match watch(bus, &mut tail, &mut watched, &mut view, live, output).await {
        Ok(stop) => stop,
        Err(err) => {
            view.close(&watched);
            return Err(err);
        }
    };
    view.close(&watched);
    let runs = run.map_or_else(|| watched.runs(), |run| vec![run.clone()]);
    match stop {
        Stop::Over => {
            let summary = summary::text(&watched, run);
            match live.output {
                FollowFormat::Text => output.data(&summary)?,
                FollowFormat::Jsonl => output.remark(summary.trim_end())?,
            }
            Ok(summary::exit_code(&watched))
        }
        Stop::Waited(waited) => {
            let span = words::span(chrono::TimeDelta::from_std(waited).unwrap_or_default());
            output.remark(&format!("not done after {span}; {}", goes_on(&runs)))?;
            Ok(EXIT_WAITED)
        }
        Stop::Interrupted => {
            output.remark(&goes_on(&runs))?;
            Ok(EXIT_INTERRUPTED)
        }
    }
}

/// Says what to type about runs that are not followed any more.
pub(crate) fn goes_on(runs: &[RunId]) -> String {
    let lines: Vec<_> = runs
        .iter()
        .map(|run| {
            format!(
                "run {run} continues; {} goes on watching, `phoenix cancel {run}` stops it",
                words::follow(run)
            )
        })
        .collect();
    lines.join("\n")
}

/// Says for which hosts of these guests nobody would take work.
pub(crate) async fn warn_of_silence(
    bus: &Bus,
    watched: &Watched,
    output: &mut Output,
) -> Result<(), CommandError> {
    for silent in silences(bus, watched).await {
        output.remark(&format!(
            "warning: {}; the work waits\nhint: {}",
            silent.why,
            silent.hint("start one there: `phoenix worker`")
        ))?;
    }
    Ok(())
}

async fn silences(bus: &Bus, watched: &Watched) -> Vec<Silent> {
    // Nothing is decided by it, so nothing fails with it either.
    let Ok(reports) = bus.hosts().await else { return Vec::new() };
    asking::silent_hosts(watched.hosts(), &reports, session::now())
}

async fn watch(
    bus: &Bus,
    tail: &mut Tail,
    watched: &mut Watched,
    view: &mut View,
    live: &LiveArgs,
    output: &mut Output,
) -> Result<Stop, CommandError> {
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let deadline = live.timeout.map(|timeout| (timeout, Instant::now() + timeout));
    let mut was_connected = true;
    let mut guests = bus.listen().await?;
    let (mut looked, mut silent) = (Instant::now(), Vec::new());
    while !watched.is_over() {
        tokio::select! {
            told = tail.next() => match told {
                Told::Event { seq, event } => if watched.take(seq, &event) {
                    view.tell(&event, watched, output)?;
                },
                Told::Rewound => {
                    view.remark("warning: the log went backwards: it was restored, or is another one", output)?;
                    watched.rewind();
                }
                // What is not ours is the worker's to file.
                Told::Unreadable(_) | Told::CaughtUp => {}
            },
            said = guests.next() => {
                let said = said?;
                if watched.record(said.guest).is_some() {
                    view.say(&said, watched, output)?;
                }
            }
            _ = &mut interrupt => return Ok(Stop::Interrupted),
            () = until(deadline.map(|(_, at)| at)) => {
                return Ok(Stop::Waited(live.timeout.unwrap_or_default()));
            }
            _ = pulse.tick() => {
                let is_connected = bus.is_connected();
                if is_connected != was_connected {
                    was_connected = is_connected;
                    view.remark(
                        if is_connected { "NATS is back" } else { "the connection to NATS is lost; trying again" },
                        output,
                    )?;
                }
                if is_connected && looked.elapsed() > LOOK {
                    let now = silences(bus, watched).await;
                    for silence in now.iter().filter(|one| !silent.contains(*one)) {
                        let (why, hint) = (&silence.why, silence.hint(GONE));
                        view.remark(&format!("warning: {why}; the work waits\nhint: {hint}"), output)?;
                    }
                    (looked, silent) = (Instant::now(), now);
                }
                view.pulse(watched);
            }
        }
    }
    Ok(Stop::Over)
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl View {
    fn new(format: FollowFormat, watched: &Watched, output: &Output) -> Self {
        match format {
            FollowFormat::Jsonl => Self::Events,
            FollowFormat::Text
                if output.is_terminal() && watched.guests().count() <= MOST_IN_A_TREE =>
            {
                Self::Tree(Tree::new(watched))
            }
            FollowFormat::Text => Self::Lines,
        }
    }

    fn tell(
        &self,
        event: &Event,
        watched: &Watched,
        output: &mut Output,
    ) -> Result<(), CommandError> {
        match self {
            Self::Tree(tree) => {
                tree.tell(event, watched);
                tree.pulse(watched);
            }
            Self::Lines => {
                let line = words::event(event, watched.name(event.state.guest));
                output.data(&format!("{line}\n"))?;
            }
            Self::Events => output.data(&jsonl(event)?)?,
        }
        Ok(())
    }

    /// Shows what is said inside of a guest. It is no event: those have the end of it.
    fn say(&self, said: &Aloud, watched: &Watched, output: &mut Output) -> io::Result<()> {
        for line in words::said(said, watched.name(said.guest)) {
            match self {
                Self::Tree(tree) => tree.remark(&line),
                Self::Lines => output.data(&format!("{line}\n"))?,
                Self::Events => {}
            }
        }
        Ok(())
    }

    fn remark(&self, text: &str, output: &mut Output) -> io::Result<()> {
        match self {
            Self::Tree(tree) => {
                tree.remark(text);
                Ok(())
            }
            Self::Lines | Self::Events => output.remark(text),
        }
    }

    fn pulse(&self, watched: &Watched) {
        match self {
            Self::Tree(tree) => tree.pulse(watched),
            Self::Lines | Self::Events => {}
        }
    }

    fn close(&self, watched: &Watched) {
        match self {
            Self::Tree(tree) => tree.close(watched),
            Self::Lines | Self::Events => {}
        }
    }
}

/// Returns an event as a line.
pub(crate) fn jsonl(event: &Event) -> Result<String, CommandError> {
    let mut line =
        String::from_utf8_lossy(&Event::write(std::slice::from_ref(event))?).into_owned();
    line.push('\n');
    Ok(line)
}
