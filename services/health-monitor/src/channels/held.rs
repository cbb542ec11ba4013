//! A channel that this monitor works on: what is sent next, and what follows from each answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{Call, Calls, ChannelMemory, Delivered, Lease, News};
use phoenix_domain::health::{IncidentId, Severity};
use phoenix_post::Outcome;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::channel::{Parcel, Saying, Way};
use super::deliver::Delivery;
use super::desk::{Desk, Weight};
use super::file;
use super::item::Item;
use super::letter::Occasion;
use super::send;
use super::told;
use crate::over::Over;

/// How often Alertmanager is told again of what is open.
const AGAIN: Duration = Duration::from_mins(1);
/// How long a channel may fail before people are told so elsewhere.
const SILENT: TimeDelta = TimeDelta::minutes(10);
/// How long it is known what was told of an incident that is over: it may be handed out once more.
const KNOWN: TimeDelta = TimeDelta::days(1);

/// What was sent, and what became of it.
pub(super) struct Sent {
    /// Absent where there was nothing to send.
    outcome: Option<Outcome>,
    /// What it told; nothing where the other side only had its memory refreshed.
    told: Vec<(IncidentId, Delivered)>,
}

pub(super) type Sending = Pin<Box<dyn Future<Output = Sent> + Send>>;

/// A channel that this monitor works on.
pub(super) struct Held<'d> {
    pub(super) of: &'d Delivery,
    pub(super) lease: Lease,
    pub(super) memory: ChannelMemory,
    pub(super) desk: Desk<Item>,
    pub(super) since: DateTime<Utc>,
    pub(super) sending: Option<Sending>,
}

impl Held<'_> {
    /// Works until something ends it.
    pub(super) async fn work(
        &mut self,
        mut calls: Calls,
        shutdown: &CancellationToken,
    ) -> Result<Infallible, Over> {
        let kind = file::word(self.of.channel.kind()).to_owned();
        if self.memory.note.kind != kind {
            self.memory.note.kind = kind;
            self.keep().await?;
        }
        let mut renewal = interval(Lease::PULSE);
        let mut pulse = interval(Call::PULSE);
        let mut again = interval_at(Instant::now() + AGAIN, AGAIN);
        for pulse in [&mut renewal, &mut pulse, &mut again] {
            pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let is_forgetful = matches!(self.of.channel.way, Way::Alertmanager(_));
        loop {
            let is_idle = self.sending.is_none();
            let next = self.desk.next_at().filter(|_| is_idle);
            let reminder = self.next_reminder();
            tokio::select! {
                () = shutdown.cancelled() => return Err(Over::Asked),
                _ = renewal.tick() => {
                    self.renew().await?;
                    self.look_at_itself().await?;
                }
                _ = pulse.tick() => for call in self.desk.calls() {
                    call.hold().await;
                },
                call = calls.next() => match call {
                    Some(call) => self.receive(call).await,
                    None => calls = self.of.bus.calls(&self.of.channel.name).await?,
                },
                sent = until_sent(&mut self.sending), if !is_idle => {
                    self.sending = None;
                    self.settle(sent).await?;
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    // Who was stopped for a while may have been replaced meanwhile.
                    self.renew().await?;
                    self.begin();
                }
                () = sleep_until(reminder.unwrap_or_else(Instant::now)), if reminder.is_some() => {
                    self.remind().await?;
                }
                _ = again.tick(), if is_forgetful && is_idle => self.refresh(),
            }
        }
    }

    /// Ends well: what is on its way gets there, and others need not wait.
    pub(super) async fn end(mut self) {
        if self.sending.is_some() {
            let sent = until_sent(&mut self.sending).await;
            if let Err(Over::Bus(err)) = self.settle(sent).await {
                debug!(%err, "what was told last is told once more");
            }
        }
        if let Err(err) = self.lease.give_back().await {
            debug!(%err, "the lease was not given back; it ends by itself");
        }
    }

    async fn renew(&mut self) -> Result<(), Over> {
        if self.lease.renew().await? { Ok(()) } else { Err(Over::Displaced) }
    }

    async fn keep(&mut self) -> Result<(), Over> {
        self.memory.keep().await?.map_err(|_| Over::Displaced)
    }

    async fn receive(&mut self, call: Call) {
        let before = self.memory.note.told.get(&call.news.incident.id);
        let is_wanted = self.of.channel.concerns(&call.news);
        if !told::is_told(&call.news, before, is_wanted, self.since) {
            return call.done().await;
        }
        self.take(Item::Call(Box::new(call))).await;
    }

    pub(super) async fn take(&mut self, item: Item) {
        let (news, now) = (item.news(), Instant::now());
        let (id, seq, severity) = (news.incident.id.clone(), news.seq, news.incident.severity);
        let occasion = told::occasion(news, self.memory.note.told.get(&id));
        let is_call = severity == Severity::Page && occasion == Occasion::First;
        let weight = Weight { is_call, severity };
        if let Some(stale) = self.desk.take(&id, seq, weight, item, now) {
            stale.done().await;
        }
    }

    /// Begins to send what is due: a message each, or one about all of it.
    fn begin(&mut self) {
        let now = (self.of.clock)();
        let (known, channel) = (&self.memory.note.told, self.of.channel.clone());
        let due = self.desk.due(Instant::now());
        let sayings: Vec<_> = due
            .iter()
            .map(|due| {
                let (news, before) = (due.call.news(), known.get(due.id));
                let occasion = match due.call {
                    Item::Call(_) => told::occasion(news, before),
                    Item::Reminder(_) => Occasion::Reminder,
                };
                Saying { news, occasion, before, is_short: due.is_short, now }
            })
            .collect();
        let told = due.iter().zip(&sayings).map(|(due, saying)| {
            let Saying { news, occasion, before, .. } = *saying;
            let told = Delivered {
                seq: due.seq,
                severity: news.incident.severity,
                called: told::called(news, before, occasion, now),
                over: news.incident.resolved.map(|_| now),
                labels: channel.labels(*saying),
            };
            (due.id.clone(), told)
        });
        let told: Vec<_> = told.collect();
        let parcel = match sayings.as_slice() {
            [] => return,
            [one] => channel.parcel(*one),
            several => channel.digest(several),
        };
        let client = self.of.client.clone();
        self.sending = Some(Box::pin(async move {
            let outcome = send::send(&client, &channel, parcel, now).await;
            Sent { outcome: Some(outcome), told }
        }));
    }

    /// Begins to tell again what is open, as the other side forgets it otherwise.
    fn refresh(&mut self) {
        if self.desk.is_quiet(Instant::now()) {
            return;
        }
        let told = self.memory.note.told.iter().filter(|(_, told)| told.over.is_none());
        let ids: Vec<_> = told.map(|(id, _)| id.clone()).collect();
        if ids.is_empty() {
            return;
        }
        let (bus, client) = (self.of.bus.clone(), self.of.client.clone());
        let (channel, now) = (self.of.channel.clone(), (self.of.clock)());
        self.sending = Some(Box::pin(async move {
            let mut open: Vec<News> = Vec::new();
            for id in &ids {
                match bus.news(id).await {
                    Ok(news) => open.extend(news.filter(|news| news.incident.is_open())),
                    Err(err) => debug!(%err, incident = %id, "it is told again later"),
                }
            }
            let parcel = channel.refresh(&open, now);
            let outcome = match parcel {
                Parcel::Nothing => None,
                Parcel::Post(_) | Parcel::Mail(_) => {
                    Some(send::send(&client, &channel, parcel, now).await)
                }
            };
            Sent { outcome, told: Vec::new() }
        }));
    }

    async fn settle(&mut self, sent: Sent) -> Result<(), Over> {
        let Sent { outcome, told } = sent;
        let Some(outcome) = outcome else { return Ok(()) };
        let (now, at, name) = ((self.of.clock)(), Instant::now(), &self.of.channel.name);
        let why = match outcome {
            Outcome::Taken { .. } => return self.taken(told).await,
            Outcome::Later { why, after } => {
                debug!(channel = %name, %why, "not told yet");
                self.desk.silence(after, at);
                for (id, _) in &told {
                    self.desk.later(id, after, at);
                }
                why
            }
            Outcome::TooLong { why } => {
                let mut is_shorter = false;
                for (id, told) in &told {
                    is_shorter |= self.desk.shorten(id, told.seq, at);
                }
                if is_shorter {
                    info!(channel = %name, %why, "too long; the short form is sent");
                    return Ok(());
                }
                self.give_pause(&told, &why, at);
                why
            }
            Outcome::Refused { why } => {
                self.give_pause(&told, &why, at);
                self.memory.note.failing.get_or_insert(now);
                self.memory.note.error = Some((now, why));
                return self.tell_silence().await;
            }
        };
        self.memory.note.failing.get_or_insert(now);
        self.memory.note.error = Some((now, why));
        self.keep().await
    }

    fn give_pause(&mut self, told: &[(IncidentId, Delivered)], why: &str, at: Instant) {
        let name = &self.of.channel.name;
        warn!(
            channel = %name, %why,
            "the other side refuses what it is told; mend that, then `phoenix channels test {name}`"
        );
        for (id, told) in told {
            self.desk.refused(id, told.seq, at);
        }
    }

    async fn taken(&mut self, told: Vec<(IncidentId, Delivered)>) -> Result<(), Over> {
        let (now, at) = ((self.of.clock)(), Instant::now());
        let note = &mut self.memory.note;
        note.delivered = Some(now);
        note.told.retain(|_, told| told.over.is_none_or(|over| now - over < KNOWN));
        let was_failing = note.failing.take();
        let was_silent = std::mem::take(&mut note.is_silent);
        for (id, told) in &told {
            debug!(channel = %self.of.channel.name, incident = %id, seq = told.seq, "told");
            note.told.insert(id.clone(), told.clone());
        }
        if told.is_empty() {
            self.desk.reached(at);
        } else {
            self.desk.sent(at);
        }
        // Noted before it is let go: whoever is given it again knows that it was told.
        self.keep().await?;
        for (id, told) in &told {
            if let Some(item) = self.desk.taken(id, told.seq, at) {
                item.done().await;
            }
        }
        self.of.tell_return(was_failing.filter(|_| was_silent)).await
    }

    /// Tells that people cannot be called by this channel, once it is so for too long.
    async fn look_at_itself(&mut self) -> Result<(), Over> {
        let note = &self.memory.note;
        let is_due = note.failing.is_some_and(|since| (self.of.clock)() - since >= SILENT);
        if is_due && !note.is_silent { self.tell_silence().await } else { Ok(()) }
    }

    async fn tell_silence(&mut self) -> Result<(), Over> {
        let was_silent = std::mem::replace(&mut self.memory.note.is_silent, true);
        if was_silent {
            return self.keep().await;
        }
        let note = &self.memory.note;
        let since = note.failing.unwrap_or_else(self.of.clock);
        let error = note.error.as_ref().map(|(_, why)| why.as_str());
        self.of.tell_silence(since, error).await?;
        self.keep().await
    }
}

async fn until_sent(sending: &mut Option<Sending>) -> Sent {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}
