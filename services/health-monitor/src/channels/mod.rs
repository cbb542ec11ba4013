//! Calls people: tells incidents by the channels of a file, until the other side has them.
//!
//! What a message says is made of values ([`letter`], [`template`] and one file a kind), sending it is
//! another matter ([`send`]), and what is to be sent when is a third ([`desk`], [`deliver`]).

mod alertmanager;
mod channel;
mod deliver;
mod desk;
mod digest;
mod file;
mod held;
mod item;
mod kinds;
mod letter;
mod mail;
mod ntfy;
mod pace;
mod remind;
mod secret;
mod send;
mod sendmail;
mod slack;
mod template;
#[cfg(test)]
mod tests;
mod told;
pub(crate) mod trial;
mod webhook;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use phoenix_bus::{AskedMonitor, Bus, MonitorAnswer};
use phoenix_config::ChannelKind;
use phoenix_domain::{ChannelName, NodeName};
use phoenix_post::{Client, Outcome};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::channel::{Channel, Saying};
use self::deliver::Delivery;
use self::letter::Occasion;
use self::pace::Pace;

/// How long what is on its way may take to get there when the program ends.
const GOODBYE: Duration = Duration::from_secs(15);

/// The channels of this monitor, at work.
pub(crate) struct Channels {
    all: Vec<Arc<Channel>>,
    /// Absent where nobody is called: a machine without certificates can do that too.
    client: Option<Client>,
    bus: Bus,
    source: String,
    clock: fn() -> DateTime<Utc>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// What the channels need to know of the monitor.
pub(crate) struct Office {
    pub(crate) bus: Bus,
    pub(crate) instance: String,
    pub(crate) source: String,
    pub(crate) clock: fn() -> DateTime<Utc>,
}

/// Reads the channels file; what is wrong with it comes back as people read it.
pub(crate) fn read(path: &Path, cell: &NodeName) -> Result<Vec<Channel>, String> {
    file::read(path, cell)
}

/// Returns the template that is used where a channel of this kind names none.
pub(crate) fn usual_template(kind: ChannelKind) -> Option<String> {
    template::usual(kind).map(|template| template.text().to_owned())
}

impl Channels {
    /// Has all of them deliver, each for itself.
    pub(crate) fn start(channels: Vec<Channel>, office: Office) -> std::io::Result<Self> {
        let Office { bus, instance, source, clock } = office;
        let client = if channels.is_empty() { None } else { Some(phoenix_post::client()?) };
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let all: Vec<_> = channels.into_iter().map(Arc::new).collect();
        for (channel, client) in all.iter().zip(client.iter().cycle()) {
            let delivery = Delivery {
                bus: bus.clone(),
                channel: channel.clone(),
                client: client.clone(),
                instance: instance.clone(),
                source: source.clone(),
                clock,
                pace: Pace::default(),
            };
            tasks.spawn(delivery.run(shutdown.clone()));
        }
        Ok(Self { all, client, bus, source, clock, tasks, shutdown })
    }

    /// Lets what is on its way get there, and ends.
    pub(crate) async fn end(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        // What does not get there in time is delivered by the next monitor.
        drop(tokio::time::timeout(GOODBYE, self.tasks.wait()).await);
    }

    /// Answers how the channels do. Nothing waits for it.
    pub(crate) fn list(&self, asked: AskedMonitor) {
        let bus = self.bus.clone();
        self.tasks.spawn(async move {
            let answer = match bus.channels().await {
                Ok(channels) => MonitorAnswer::Channels { channels },
                Err(err) => MonitorAnswer::Declined { why: err.to_string() },
            };
            asked.answer(&answer).await;
        });
    }

    /// Tries a channel, and answers what came of it. Nothing waits for it.
    pub(crate) fn try_out(&self, asked: AskedMonitor, name: &ChannelName) {
        let channel = self.all.iter().find(|channel| channel.name == *name).cloned();
        let (client, source, clock) = (self.client.clone(), self.source.clone(), self.clock);
        let unknown = self.unknown(name);
        self.tasks.spawn(async move {
            let answer = match channel.zip(client) {
                Some((channel, client)) => try_out(&client, &channel, &source, clock()).await,
                None => MonitorAnswer::Declined { why: unknown },
            };
            asked.answer(&answer).await;
        });
    }

    /// Forgets a channel that nobody works on, and answers whether that was so. Nothing waits for it.
    pub(crate) fn forget(&self, asked: AskedMonitor, name: ChannelName) {
        let bus = self.bus.clone();
        let is_ours = self.all.iter().any(|channel| channel.name == name);
        self.tasks.spawn(async move {
            let forgotten = async {
                if is_ours {
                    return Ok(Err(
                        "it is in the file of this monitor: take it out there, and start \
                                   the monitor anew",
                    ));
                }
                if bus.is_served(&name).await? {
                    return Ok(Err(
                        "some monitor delivers by it, or did so a minute ago: take it out \
                                   of that monitor's file first",
                    ));
                }
                let was_there = bus.forget_channel(&name).await?;
                Ok::<_, phoenix_bus::BusError>(if was_there {
                    Ok(())
                } else {
                    Err("there is no such channel; `phoenix channels` lists those there are")
                })
            };
            let answer = match forgotten.await {
                Ok(Ok(())) => MonitorAnswer::Agreed,
                Ok(Err(why)) => MonitorAnswer::Declined { why: why.to_owned() },
                Err(err) => MonitorAnswer::Declined { why: err.to_string() },
            };
            asked.answer(&answer).await;
        });
    }

    fn unknown(&self, name: &ChannelName) -> String {
        let names: Vec<_> = self.all.iter().map(|channel| channel.name.to_string()).collect();
        if names.is_empty() {
            return "the monitor that acts has no channels: start it with `--channels FILE`"
                .to_owned();
        }
        format!("the monitor that acts has no channel {name}; it has {}", names.join(", "))
    }
}

async fn try_out(
    client: &Client,
    channel: &Channel,
    source: &str,
    now: DateTime<Utc>,
) -> MonitorAnswer {
    let news = trial::news(source, channel.name.as_str(), now);
    let (occasion, before) = (Occasion::Test, None);
    let saying = Saying { news: &news, occasion, before, is_short: false, now };
    let begun = Instant::now();
    let outcome = send::send(client, channel, channel.parcel(saying), now).await;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (is_taken, came) = match outcome {
        Outcome::Taken { came } => (true, came),
        Outcome::Later { why, .. } | Outcome::TooLong { why } | Outcome::Refused { why } => {
            (false, why)
        }
    };
    MonitorAnswer::Tested { is_taken, came, took_ms }
}
