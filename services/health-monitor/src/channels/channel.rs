//! One way by which people are called: what it tells, and in which form.

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{Delivered, News};
use phoenix_config::ChannelKind;
use phoenix_domain::health::{Ground, Root, Severity};
use phoenix_domain::{ChannelName, NodeName, Vmid};
use phoenix_post::Post;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::warn;

use super::alertmanager::{Alert, Alertmanager, Labels};
use super::letter::{Letter, Occasion, Sender};
use super::mail::Mail;
use super::ntfy::{Ntfy, Urgency};
use super::slack::Slack;
use super::template::{self, Template};
use super::webhook::{self, Webhook};

/// One way by which people are called.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) name: ChannelName,
    pub(crate) cell: NodeName,
    pub(crate) least: Severity,
    /// Only these hosts; all where absent.
    pub(crate) hosts: Option<Vec<String>>,
    /// Only these guests; all where absent.
    pub(crate) guests: Option<Vec<Vmid>>,
    pub(crate) link: Option<String>,
    pub(crate) template: Option<Template>,
    /// After how long people are reminded of what nobody has seen; the last pause again and again.
    pub(crate) remind: Vec<TimeDelta>,
    pub(crate) way: Way,
    /// What must not be seen of what the other side says.
    pub(crate) secrets: Vec<SecretString>,
}

/// How a message gets to the other side.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Webhook(Webhook),
    Ntfy(Ntfy),
    Slack(Slack),
    Alertmanager(Alertmanager),
    Mail(Mail),
}

/// A message that is ready to go.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    Post(Post),
    Mail(Vec<u8>),
    /// There is nothing to be sent.
    Nothing,
}

/// What a message is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saying<'s> {
    pub(crate) news: &'s News,
    pub(crate) occasion: Occasion,
    /// What was told of it before.
    pub(crate) before: Option<&'s Delivered>,
    /// Whether the whole of it was too long.
    pub(crate) is_short: bool,
    pub(crate) now: DateTime<Utc>,
}

impl Saying<'_> {
    /// Returns which reminder it would be, the first being 1.
    pub(crate) fn nth_reminder(&self) -> u32 {
        let called = self.before.and_then(|before| before.called);
        called.map_or(1, |called| called.reminders.saturating_add(1))
    }

    /// Returns the name of the message: the same on every attempt, and for a reminder another one than
    /// that of the news it is of.
    pub(crate) fn id(&self) -> String {
        if self.occasion == Occasion::Reminder {
            format!("{}.{}", self.news.id, self.nth_reminder())
        } else {
            self.news.id.clone()
        }
    }
}

impl Channel {
    pub(crate) fn kind(&self) -> ChannelKind {
        match self.way {
            Way::Webhook(_) => ChannelKind::Webhook,
            Way::Ntfy(_) => ChannelKind::Ntfy,
            Way::Slack(_) => ChannelKind::Slack,
            Way::Alertmanager(_) => ChannelKind::Alertmanager,
            Way::Mail(_) => ChannelKind::Mail,
        }
    }

    /// Says whether whoever is called here wants to know of this at all.
    pub(crate) fn concerns(&self, news: &News) -> bool {
        let incident = &news.incident;
        if incident.severity < self.least {
            return false;
        }
        let root = match &incident.root {
            Root::Ground(ground) => ground.host().map(NodeName::as_str),
            Root::Monitor | Root::Breaker | Root::Guest(_) => None,
        };
        let is_of_all =
            matches!(&incident.root, Root::Monitor | Root::Breaker | Root::Ground(Ground::Fleet));
        // Of what nobody knows the host of, everybody is told.
        let is_lost = incident.guests.len() > news.guests.len();
        let mut hosts = root.into_iter().chain(news.guests.iter().map(|one| one.host.as_str()));
        let is_there = match &self.hosts {
            Some(wanted) => {
                is_of_all || is_lost || hosts.any(|host| wanted.iter().any(|one| one == host))
            }
            None => true,
        };
        let mut guests = incident.guests.iter();
        let is_theirs = match &self.guests {
            Some(wanted) => is_of_all || guests.any(|guest| wanted.contains(&guest.vmid)),
            None => true,
        };
        is_there && is_theirs
    }

    /// Writes a message. A template that fails costs nobody a call: the usual one is taken then.
    pub(crate) fn parcel(&self, saying: Saying<'_>) -> Parcel {
        let letter = self.letter(saying);
        let Saying { news, before, now, .. } = saying;
        match &self.way {
            Way::Webhook(webhook) if saying.occasion == Occasion::Reminder => {
                let (id, body) = (saying.id(), webhook::reminder(saying, &self.source()));
                Parcel::Post(webhook.post(&id, &body, now))
            }
            Way::Webhook(webhook) => Parcel::Post(webhook.post(&news.id, &news.body, now)),
            Way::Ntfy(ntfy) => {
                let urgency = Urgency::of(saying.occasion, news.incident.severity);
                Parcel::Post(ntfy.post(&letter, urgency, &self.text(&letter)))
            }
            Way::Slack(slack) => {
                slack.post(&self.text(&letter)).map_or(Parcel::Nothing, Parcel::Post)
            }
            Way::Alertmanager(server) => {
                let alerts: Vec<_> = self.alerts_of(saying).collect();
                Parcel::Post(server.post(&alerts))
            }
            Way::Mail(mail) => {
                let text = self.text(&letter);
                let id = saying.id();
                Parcel::Mail(mail.message(&id, &letter, &text, now, before.is_some()))
            }
        }
    }

    /// Writes one message about several incidents, the first of which matters most.
    pub(crate) fn digest(&self, sayings: &[Saying<'_>]) -> Parcel {
        let Some(first) = sayings.first() else { return Parcel::Nothing };
        let now = first.now;
        let news: Vec<&News> = sayings.iter().map(|saying| saying.news).collect();
        let name = webhook::name_of_all(&news);
        let letters: Vec<_> =
            sayings.iter().map(|saying| (saying.news, self.letter(*saying))).collect();
        let is_short = sayings.iter().all(|saying| saying.is_short);
        let letter = Letter { is_short, ..Letter::of_all(&name, &letters, self.sender(now)) };
        match &self.way {
            Way::Webhook(webhook) => {
                let body = webhook::digest(&name, &news, &letter.headline, &self.source(), now);
                Parcel::Post(webhook.post(&name, &body, now))
            }
            Way::Ntfy(ntfy) => {
                let each = sayings
                    .iter()
                    .map(|saying| Urgency::of(saying.occasion, saying.news.incident.severity));
                let urgency = each.max();
                let urgency =
                    urgency.unwrap_or_else(|| Urgency::of(letter.occasion, Severity::Info));
                Parcel::Post(ntfy.post(&letter, urgency, &self.text(&letter)))
            }
            Way::Slack(slack) => {
                slack.post(&self.text(&letter)).map_or(Parcel::Nothing, Parcel::Post)
            }
            Way::Alertmanager(server) => {
                let alerts: Vec<_> =
                    sayings.iter().flat_map(|saying| self.alerts_of(*saying)).collect();
                Parcel::Post(server.post(&alerts))
            }
            Way::Mail(mail) => {
                Parcel::Mail(mail.message(&name, &letter, &self.text(&letter), now, false))
            }
        }
    }

    /// Returns the alert of an incident, and before it the end of the one it takes the place of.
    fn alerts_of(&self, saying: Saying<'_>) -> impl Iterator<Item = Alert> {
        let Saying { news, before, now, .. } = saying;
        let alert = self.alert_of(saying);
        let known = before.map(|before| &before.labels).filter(|labels| !labels.is_empty());
        let other = known.filter(|labels| **labels != alert.labels);
        let ended = other.map(|labels| Alert::ended(labels, news.incident.opened, now));
        ended.into_iter().chain([alert])
    }

    /// Returns the alert of an incident as it stands.
    fn alert_of(&self, saying: Saying<'_>) -> Alert {
        let letter = self.letter(saying);
        Alert::of(saying.news, &letter, &self.text(&letter), saying.now)
    }

    /// Returns what tells the other side again of what it would forget otherwise.
    pub(crate) fn refresh(&self, open: &[News], now: DateTime<Utc>) -> Parcel {
        let Way::Alertmanager(server) = &self.way else { return Parcel::Nothing };
        let saying =
            |news| Saying { news, occasion: Occasion::More, before: None, is_short: false, now };
        let alerts: Vec<_> = open.iter().map(|news| self.alert_of(saying(news))).collect();
        if alerts.is_empty() { Parcel::Nothing } else { Parcel::Post(server.post(&alerts)) }
    }

    /// Returns what the other side knows an incident by from now on.
    pub(crate) fn labels(&self, saying: Saying<'_>) -> Labels {
        match &self.way {
            Way::Alertmanager(_) => self.alert_of(saying).labels,
            Way::Webhook(_) | Way::Ntfy(_) | Way::Slack(_) | Way::Mail(_) => Labels::new(),
        }
    }

    /// Returns who tells what only channels are told.
    fn source(&self) -> String {
        format!("//{}/phoenix/health-monitor", self.cell)
    }

    fn sender(&self, now: DateTime<Utc>) -> Sender<'_> {
        Sender {
            cell: self.cell.as_str(),
            channel: self.name.as_str(),
            link: self.link.as_deref(),
            now,
        }
    }

    fn letter(&self, saying: Saying<'_>) -> Letter {
        let letter = Letter::of(saying.news, saying.occasion, self.sender(saying.now));
        Letter { is_short: saying.is_short, ..letter }
    }

    fn text(&self, letter: &Letter) -> String {
        // A template of one's own knows what one incident is.
        let own = self.template.as_ref().filter(|_| letter.occasion != Occasion::Digest);
        if let Some(own) = own {
            match own.fill(letter) {
                Ok(text) => return text,
                Err(template::Broken(why)) => {
                    warn!(channel = %self.name, %why, "a template fails; the usual one is sent");
                }
            }
        }
        let usual = template::usual(self.kind()).and_then(|usual| usual.fill(letter).ok());
        usual.unwrap_or_else(|| letter.headline.clone())
    }

    /// Returns what the other side said, without what it may have repeated of ours.
    pub(crate) fn veiled(&self, said: &str) -> String {
        let mut said = said.to_owned();
        for secret in &self.secrets {
            let secret = secret.expose_secret().trim();
            if !secret.is_empty() {
                said = said.replace(secret, "(not shown)");
            }
        }
        said
    }
}
