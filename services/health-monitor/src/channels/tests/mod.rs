//! Channels against a real server of NATS, real receivers that refuse what real ones refuse, and a real
//! program in place of `sendmail`.

mod alerts;
mod delivery;
mod desk;
mod file;
mod mail;
mod outcome;
mod paced;
mod receiver;
mod words;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::{Bus, Delivered, News};
use phoenix_domain::health::{
    Command, Concerned, Danger, Effect, Evidence, Exhibit, HealthEventKind, Incident, Next, Reason,
    Root, Rung, Severity, Try,
};
use phoenix_domain::{GuestKey, Kind, Vmid};
use phoenix_testkit::nats::NatsServer;
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::channel::{Channel, Saying, Way};
use super::deliver::Delivery;
use super::letter::Occasion;
use super::pace::Pace;
use super::webhook::{Signing, Webhook};
use super::{send, trial};
use crate::monitor::events;

/// How long anything is waited for. No promise is about time: this only ends what would never end.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);
/// How often is looked at what nobody tells.
const POLL: Duration = Duration::from_millis(20);

/// Whoever tests something else is told at once.
const AT_ONCE: Pace = Pace {
    gather: Duration::ZERO,
    most: 1000,
    window: Duration::from_secs(1),
    apart: Duration::ZERO,
};

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Returns news of an open incident of guest 950 that a human is called for.
pub(super) fn page() -> News {
    let mut news = trial::news("//test", "test", now());
    let guest = GuestKey { kind: Kind::Container, vmid: Vmid::try_from(950_u64).unwrap() };
    let (name, host) = ("vllm-chat".to_owned(), "pve1".to_owned());
    news.guests = vec![Concerned { guest, name, host }];
    let started = news.incident.opened;
    news.incident = Incident {
        root: Root::Guest(guest),
        reason: Reason::Hung,
        severity: Severity::Page,
        text: "vllm on 950 vllm-chat (pve1) hangs: it has work and nothing moves".to_owned(),
        guests: vec![guest],
        evidence: vec![Exhibit {
            guest,
            probe: "vllm".into(),
            at: started,
            found: Reason::Hung,
            evidence: Evidence {
                asked: "GET http://10.0.0.5:8000/metrics".to_owned(),
                came: "4 running, 0 tokens in 124 s".to_owned(),
                excerpt: String::new(),
                took_ms: 12,
            },
        }],
        tried: vec![Try {
            rung: Rung::Service,
            attempt: 1,
            of: 2,
            started,
            ended: Some(started),
            result: Effect::Helpless,
        }],
        next: Next::None { why: "4 repairs within an hour".to_owned() },
        commands: vec![
            Command {
                label: "the whole story".to_owned(),
                line: "phoenix explain ABC123".to_owned(),
                danger: Danger::Read,
            },
            Command {
                label: "restart the guest".to_owned(),
                line: "phoenix repair 950 --rung guest".to_owned(),
                danger: Danger::Destructive,
            },
        ],
        ..news.incident
    };
    news
}

/// The same, later.
pub(super) fn saying(mut news: News, text: &str) -> News {
    text.clone_into(&mut news.incident.text);
    news
}

/// The same, once it is over.
pub(super) fn over(mut news: News) -> News {
    news.incident.resolved = Some(news.incident.opened + TimeDelta::minutes(6));
    "guest 950: over, it serves again".clone_into(&mut news.incident.text);
    news
}

/// Returns a channel that is told everything there is.
pub(super) fn channel(name: &str, way: Way) -> Channel {
    Channel {
        name: name.parse().unwrap(),
        cell: "main".parse().unwrap(),
        least: Severity::Page,
        hosts: None,
        guests: None,
        link: None,
        template: None,
        remind: Vec::new(),
        way,
        secrets: Vec::new(),
    }
}

pub(super) fn webhook(url: Url) -> Way {
    let (signing, _) = Signing::read(&SecretString::from(SECRET)).unwrap();
    Way::Webhook(Webhook { url, secrets: vec![signing] })
}

pub(super) fn first(news: &News) -> Saying<'_> {
    Saying { news, occasion: Occasion::First, before: None, is_short: false, now: now() }
}

pub(super) fn delivered(seq: u64, severity: Severity) -> Delivered {
    Delivered { seq, severity, called: None, over: None, labels: BTreeMap::new() }
}

/// A server of NATS, and what is told there.
pub(super) struct World {
    pub(super) server: NatsServer,
    pub(super) bus: Bus,
}

/// A channel that is delivered by until this is dropped, as if the monitor were killed then.
pub(super) struct Delivering(JoinHandle<()>);

impl Drop for Delivering {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let server = NatsServer::start();
        let bus = server.bus().await;
        Self { server, bus }
    }

    /// Tells how an incident stands.
    pub(super) async fn tell(&self, kind: HealthEventKind, news: &News) {
        let event = events::incident("//test", kind, &news.incident, news.guests.clone());
        self.bus.tell_incident(&news.incident.id, event).await.unwrap();
    }

    /// Has a channel deliver, as one monitor among several.
    pub(super) fn deliver(&self, channel: &Channel) -> Delivering {
        self.deliver_at(channel, AT_ONCE)
    }

    /// The same, this fast.
    pub(super) fn deliver_at(&self, channel: &Channel, pace: Pace) -> Delivering {
        let delivery = Delivery {
            bus: self.bus.clone(),
            channel: Arc::new(channel.clone()),
            client: phoenix_post::client().unwrap(),
            instance: uuid::Uuid::now_v7().simple().to_string(),
            source: "//test".to_owned(),
            clock: now,
            pace,
        };
        Delivering(tokio::spawn(delivery.run(CancellationToken::new())))
    }

    /// Waits until a channel is seen to be so.
    pub(super) async fn until(&self, is_so: impl Fn(&phoenix_bus::ChannelSeen) -> bool) {
        let seen = async {
            loop {
                let channels = self.bus.channels().await.unwrap();
                if channels.iter().any(&is_so) {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("it is so some time");
    }

    /// Waits until everything that was told is delivered or let go.
    pub(super) async fn until_nothing_waits(&self) {
        self.until(|channel| channel.waiting == 0 && !channel.kind.is_empty()).await;
    }
}

/// Writes a file with this mode.
pub(super) fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Returns the body that a channel would send.
pub(super) fn body(bytes: &Bytes) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}
