//! What is sent when somebody tries a channel, and what templates are tried with.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use phoenix_bus::News;
use phoenix_domain::health::{
    ChannelTest, Command, Concerned, Danger, Effect, HealthEvent, HealthEventKind, Incident,
    IncidentId, Next, Reason, Root, Rung, Severity, Try,
};
use phoenix_domain::{GuestKey, Kind, Vmid};

use super::letter::{Letter, Occasion, Sender};

/// Makes the news that somebody tries a channel. They are no incident, and are kept nowhere.
pub(crate) fn news(source: &str, channel: &str, at: DateTime<Utc>) -> News {
    let text = format!("this is a test of the channel {channel}; nothing is wrong");
    let root = Root::Monitor;
    let incident = Incident {
        id: IncidentId::of(&root, at),
        root,
        reason: Reason::Unjudged,
        severity: Severity::Page,
        text: text.clone(),
        opened: at,
        updated: at,
        resolved: None,
        guests: Vec::new(),
        evidence: Vec::new(),
        tried: Vec::new(),
        next: Next::None { why: "this is a test".to_owned() },
        commands: Vec::new(),
        acks: Vec::new(),
    };
    let id = uuid::Uuid::now_v7().simple().to_string();
    let data = ChannelTest { text, test: true, channel: channel.to_owned() };
    let (kind, subject) = (HealthEventKind::ChannelTest, channel.to_owned());
    let event = HealthEvent::new(kind, id.clone(), source, subject, at, data);
    let body = Bytes::from(event.write());
    News { seq: 0, id, time: at, incident, guests: Vec::new(), body }
}

/// Returns letters on every occasion, with everything a letter can have and with nothing of it.
pub(crate) fn letters() -> Vec<Letter> {
    let at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let bare = news("//test/phoenix", "test", at);
    let mut full = bare.clone();
    if let Ok(vmid) = Vmid::try_from(950_u64) {
        let guest = GuestKey { kind: Kind::Container, vmid };
        full.incident.root = Root::Guest(guest);
        full.incident.guests = vec![guest];
        let (name, host) = ("vllm-chat".to_owned(), "pve1".to_owned());
        full.guests = vec![Concerned { guest, name, host }];
    }
    full.incident.tried = vec![Try {
        rung: Rung::Service,
        attempt: 1,
        of: 2,
        started: at,
        ended: Some(at),
        result: Effect::Helpless,
    }];
    full.incident.commands = vec![Command {
        label: "restart the guest".to_owned(),
        line: "phoenix repair 950 --rung guest".to_owned(),
        danger: Danger::Destructive,
    }];
    let mut over = full.clone();
    over.incident.resolved = Some(at + TimeDelta::minutes(6));
    let link = Some("https://x/{incident}");
    let linked = Sender { cell: "main", channel: "test", link, now: at };
    let sender = Sender { link: None, ..linked };
    let mut letters = vec![
        Letter::of(&bare, Occasion::Test, sender),
        Letter::of(&bare, Occasion::First, linked),
        Letter::of(&full, Occasion::First, sender),
        Letter::of(&full, Occasion::More, linked),
        Letter::of(&over, Occasion::Over, sender),
        Letter::of(&over, Occasion::Missed, linked),
        Letter::of(&full, Occasion::Reminder, linked),
    ];
    let short = letters.last().cloned().map(|letter| Letter { is_short: true, ..letter });
    letters.extend(short);
    letters
}
