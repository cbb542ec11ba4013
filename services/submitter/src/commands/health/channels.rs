//! `phoenix channels`: by which channels people are called, and whether they can be.

use std::time::Duration;

use chrono::Utc;
use phoenix_bus::{Bus, ChannelSeen, MonitorAnswer, MonitorQuestion};
use phoenix_domain::ChannelName;
use serde_json::json;

use super::{SOON, ask, not_understood};
use crate::cli::{ChannelArgs, ChannelsArgs, ChannelsCommand, ListArgs, ListFormat};
use crate::error::{CommandError, EXIT_FAILED};
use crate::output::Output;
use crate::session;
use crate::table;
use crate::words;

/// How long a message may take to the other side and back.
const THERE_AND_BACK: Duration = Duration::from_secs(20);

/// How much of an error a column holds.
const SHOWN: usize = 80;

pub(in crate::commands) fn run(
    args: &ChannelsArgs,
    output: &mut Output,
) -> Result<u8, CommandError> {
    match &args.verb {
        None => session::run(list(&args.list, output)),
        Some(ChannelsCommand::Test(args)) => session::run(test(args, output)),
        Some(ChannelsCommand::Forget(args)) => session::run(forget(args, output)),
    }
}

/// Returns the channels, as the monitor knows them.
pub(super) async fn all(bus: &Bus) -> Result<Vec<ChannelSeen>, CommandError> {
    match ask(bus, &MonitorQuestion::Channels, SOON).await? {
        MonitorAnswer::Channels { channels } => Ok(channels),
        MonitorAnswer::Health(_)
        | MonitorAnswer::Probed { .. }
        | MonitorAnswer::Tested { .. }
        | MonitorAnswer::Agreed
        | MonitorAnswer::Declined { .. } => Err(not_understood()),
    }
}

/// Asks something about a channel. The monitor declines for many reasons; that there is no such channel is
/// told apart from those.
async fn ask_about(
    bus: &Bus,
    name: &ChannelName,
    question: &MonitorQuestion,
    patience: Duration,
) -> Result<MonitorAnswer, CommandError> {
    let answer = ask(bus, question, patience).await;
    if let Err(CommandError::MonitorDeclines { .. }) = &answer {
        let there: Vec<_> = all(bus).await?.into_iter().map(|channel| channel.name).collect();
        if !there.contains(name) {
            return Err(CommandError::NoSuchChannel { asked: name.clone(), there });
        }
    }
    answer
}

/// Says so where people cannot be called by a channel.
pub(super) fn warning(channel: &ChannelSeen) -> Option<String> {
    let ChannelSeen { name, failing, error, is_silent, .. } = channel;
    let since = failing.filter(|_| *is_silent)?;
    let why = error.as_ref().map(|(_, why)| words::line(why)).unwrap_or_default();
    let since = words::time(since);
    Some(format!(
        "warning: nobody can be called by the channel {name} since {since}: {why}\nhint: mend that, then `phoenix channels test {name}`"
    ))
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.connect).await?;
    let channels = all(&bus).await?;
    match args.output {
        ListFormat::Text if channels.is_empty() => {
            output.remark("there is no channel: nobody is called")?;
            output.remark("hint: `phoenix schema channels` says what a channels file has in it, and `phoenix-health-monitor --channels FILE` takes it")?;
        }
        ListFormat::Text => {
            output.data(&text(&channels))?;
            for channel in channels.iter().filter(|channel| !channel.is_served) {
                let name = &channel.name;
                output.remark(&format!(
                    "no monitor delivers by {name}; if it is in no file any more: `phoenix channels forget {name}`"
                ))?;
            }
        }
        ListFormat::Json => {
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "ChannelList", "channels": channels,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(0)
}

fn text(channels: &[ChannelSeen]) -> String {
    let now = Utc::now();
    let ago = |at| format!("{} ago", words::span(now - at));
    let rows: Vec<_> = channels
        .iter()
        .map(|channel| {
            // What was mended is no news.
            let error = channel.error.as_ref().filter(|_| channel.failing.is_some());
            let error = error.map(|(at, why)| {
                format!("{} ({})", words::shortened(&words::line(why), SHOWN), ago(*at))
            });
            [
                channel.name.to_string(),
                channel.kind.clone(),
                state(channel).to_owned(),
                channel.waiting.to_string(),
                channel.delivered.map_or_else(|| "never".to_owned(), ago),
                error.unwrap_or_default(),
            ]
        })
        .collect();
    table::table(["CHANNEL", "KIND", "STATE", "WAITING", "DELIVERED", "LAST ERROR"], &rows)
}

fn state(channel: &ChannelSeen) -> &'static str {
    match (channel.is_served, channel.failing.is_some()) {
        (false, _) => "unserved",
        (true, true) => "failing",
        (true, false) => "well",
    }
}

async fn test(args: &ChannelArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.connect).await?;
    let question = MonitorQuestion::TestChannel { name: args.name.clone() };
    let MonitorAnswer::Tested { is_taken, came, took_ms } =
        ask_about(&bus, &args.name, &question, THERE_AND_BACK).await?
    else {
        return Err(not_understood());
    };
    let (came, took) = (words::line(&came), words::took(took_ms));
    let verb = if is_taken { "took" } else { "did not take" };
    output.data(&format!("{} {verb} the test: {came} in {took}\n", args.name))?;
    if is_taken {
        output.remark("it is marked [TEST]; ask whoever is called whether they have seen it")?;
    }
    Ok(if is_taken { 0 } else { EXIT_FAILED })
}

async fn forget(args: &ChannelArgs, output: &mut Output) -> Result<u8, CommandError> {
    let bus = session::connect(&args.connect).await?;
    let question = MonitorQuestion::ForgetChannel { name: args.name.clone() };
    ask_about(&bus, &args.name, &question, SOON).await?;
    output.remark(&format!("the channel {} is forgotten", args.name))?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_mended_is_not_shown_beside_a_channel_that_is_well() {
        let error = Some((Utc::now(), "it answers 503".to_owned()));
        let well = ChannelSeen {
            name: "oncall".parse().unwrap(),
            kind: "ntfy".to_owned(),
            waiting: 0,
            delivered: Some(Utc::now()),
            error,
            failing: None,
            is_silent: false,
            is_served: true,
        };
        let failing = ChannelSeen { failing: Some(Utc::now()), ..well.clone() };

        assert!(!text(&[well]).contains("503"));
        assert!(text(&[failing]).contains("503"));
    }
}
