//! Events of health as they stand in streams, and as others were posted them: what was told once is read
//! for ever.

#![expect(clippy::unwrap_used, reason = "a broken sample should stop the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use phoenix_domain::health::{
    AboutChannel, AboutIncident, ChannelTest, Command, Concerned, Condition, Danger, Digest,
    Effect, Evidence, Exhibit, Ground, HealthEvent, HealthEventKind, Incident, IncidentId,
    IncidentReminder, Next, Reason, Reminder, Root, Rung, Severity, Try, Turned,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn time() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn evidence() -> Evidence {
    Evidence {
        asked: "GET http://10.0.0.5:8000/metrics".to_owned(),
        came: "200".to_owned(),
        excerpt: "vllm:num_requests_running 4".to_owned(),
        took_ms: 12,
    }
}

/// An incident with everything that one can have.
fn incident(root: Root, next: Next) -> Box<Incident> {
    let guest = "lxc-950".parse().unwrap();
    let text = "vllm on 950 vllm-chat (pve1) hangs: it has work and nothing moves".to_owned();
    let tried = |attempt, result| Try {
        rung: Rung::Service,
        attempt,
        of: 2,
        started: time(),
        ended: Some(time()),
        result,
    };
    let acks = serde_json::json!([
        { "by": "kim", "at": time(), "why": "on my way",
          "weight": { "severity": "warn", "is_left_to_humans": false }, "ended": { "at": time() } },
        { "by": "kim", "at": time(),
          "weight": { "severity": "page", "is_left_to_humans": true },
          "ended": { "at": time(), "by": "lee" } },
        { "by": "lee", "at": time(),
          "weight": { "severity": "page", "is_left_to_humans": true } },
    ]);
    Box::new(Incident {
        id: IncidentId::of(&root, time()),
        root,
        reason: Reason::Hung,
        severity: Severity::Page,
        text,
        opened: time(),
        updated: time(),
        resolved: None,
        guests: vec![guest],
        evidence: vec![Exhibit {
            guest,
            probe: "vllm".into(),
            at: time(),
            found: Reason::Hung,
            evidence: evidence(),
        }],
        tried: vec![
            tried(1, Effect::Refused("cancelled".to_owned())),
            tried(1, Effect::Failed("it is stuck".to_owned())),
            tried(2, Effect::Helpless),
        ],
        next,
        commands: vec![Command {
            label: "restart the guest".to_owned(),
            line: "phoenix repair 950 --rung guest".to_owned(),
            danger: Danger::Destructive,
        }],
        acks: serde_json::from_value(acks).unwrap(),
    })
}

fn about(kind: HealthEventKind) -> AboutIncident {
    let guest = "lxc-950".parse().unwrap();
    let of_guest = Root::Guest(guest);
    let bridge = Ground::Bridge("pve1".parse().unwrap(), "vmbr0".parse().unwrap());
    let mut incident = match kind {
        HealthEventKind::IncidentOpened => {
            let next = Next::Repair { rung: Rung::Service, attempt: 1, of: 2, at: time() };
            incident(of_guest, next)
        }
        HealthEventKind::IncidentResolved => {
            incident(Root::Ground(bridge), Next::None { why: "all is well again".to_owned() })
        }
        HealthEventKind::IncidentReminder => {
            let why = "the breaker is open".to_owned();
            incident(of_guest, Next::Held { rung: Rung::Guest, why, at: Some(time()) })
        }
        HealthEventKind::IncidentUpdated
        | HealthEventKind::Turned
        | HealthEventKind::IncidentDigest
        | HealthEventKind::ChannelSilent
        | HealthEventKind::ChannelDelivers
        | HealthEventKind::ChannelTest => {
            let then = Some(Rung::Guest);
            incident(of_guest, Next::UnderWay { rung: Rung::Service, until: time(), then })
        }
    };
    incident.resolved = (kind == HealthEventKind::IncidentResolved).then(time);
    let guests = vec![Concerned { guest, name: "vllm-chat".to_owned(), host: "pve1".to_owned() }];
    AboutIncident { text: incident.text.clone(), incident, guests }
}

/// A way to write an example of a kind, and to read one and write it again.
struct Sample {
    written: Vec<u8>,
    again: fn(&[u8]) -> Vec<u8>,
}

fn sample<D: Serialize + DeserializeOwned>(kind: HealthEventKind, data: D) -> Sample {
    let source = "//main/phoenix/health-monitor/0199";
    let event = HealthEvent::new(kind, "e1".to_owned(), source, "it".to_owned(), time(), data);
    let again = |bytes: &[u8]| {
        let event: HealthEvent<D> = serde_json::from_slice(bytes).unwrap();
        event.write()
    };
    Sample { written: event.write(), again }
}

fn sample_of(kind: HealthEventKind) -> Sample {
    let text = "in words".to_owned();
    let channel = || AboutChannel {
        text: "in words".to_owned(),
        channel: "oncall".to_owned(),
        since: time(),
        error: Some("it answers 401".to_owned()),
    };
    match kind {
        HealthEventKind::Turned => sample(
            kind,
            Turned {
                text,
                guest: "lxc-950".parse().unwrap(),
                probe: "vllm".into(),
                from: Condition::Healthy,
                to: Condition::Failed(Reason::Hung),
                since: time(),
                evidence: Some(evidence()),
            },
        ),
        HealthEventKind::IncidentOpened
        | HealthEventKind::IncidentUpdated
        | HealthEventKind::IncidentResolved => sample(kind, about(kind)),
        HealthEventKind::IncidentReminder => {
            let AboutIncident { text, incident, guests } = about(kind);
            let reminder = Reminder { number: 1, stands_s: 1800 };
            sample(kind, IncidentReminder { text, incident, guests, reminder })
        }
        HealthEventKind::IncidentDigest => {
            let one = sample(kind, about(kind)).written;
            let events = vec![serde_json::from_slice(&one).unwrap()];
            sample(kind, Digest { text, count: 1, events })
        }
        HealthEventKind::ChannelSilent => sample(kind, channel()),
        HealthEventKind::ChannelDelivers => sample(kind, AboutChannel { error: None, ..channel() }),
        HealthEventKind::ChannelTest => {
            sample(kind, ChannelTest { text, test: true, channel: "oncall".to_owned() })
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events/health/v1")
}

#[test]
fn an_event_of_every_kind_is_written_as_it_was_written_first() {
    for kind in HealthEventKind::ALL {
        let Sample { mut written, again } = sample_of(*kind);
        written.push(b'\n');
        let path = folder().join(format!("{kind}.json"));
        if !path.exists() {
            fs::write(&path, &written).unwrap();
            panic!("{} is new: look at it, and commit it", path.display());
        }

        let mut text = fs::read(&path).unwrap();

        assert!(text == written, "{kind} is written in another form than it was told until now");
        text.pop();
        assert!(again(&text) == text, "{kind} is read as something else");
    }
}

#[test]
fn what_earlier_versions_told_is_read() {
    let mut kinds = BTreeSet::new();
    for sample in fs::read_dir(folder().join("earlier")).unwrap() {
        let path = sample.unwrap().path();
        let text = fs::read(&path).unwrap();
        let event: HealthEvent<AboutIncident> = HealthEvent::read(&text)
            .unwrap_or_else(|err| panic!("{} is not read any more: {err}", path.display()));
        assert!(event.data.incident.acked().is_none());
        kinds.insert(event.kind.type_name());
    }
    let told =
        ["opened", "updated", "resolved"].map(|what| format!("dev.phoenix.incident.{what}.v1"));
    assert!(told.iter().all(|kind| kinds.contains(&**kind)), "{kinds:?}");
}

#[test]
fn the_names_of_kinds_are_their_types() {
    for kind in HealthEventKind::ALL {
        let written = serde_json::to_string(kind).unwrap();
        assert_eq!(written, format!("\"{}\"", kind.type_name()));
    }
}

#[test]
fn an_envelope_of_another_kind_is_refused() {
    let Sample { written, .. } = sample_of(HealthEventKind::IncidentOpened);
    let ours = String::from_utf8(written).unwrap();
    let read = |text: &str| HealthEvent::<AboutIncident>::read(text.as_bytes()).is_ok();

    assert!(read(&ours));
    assert!(!read(&ours.replace(r#""specversion":"1.0""#, r#""specversion":"2.0""#)));
    assert!(!read(&ours.replace("incident.opened.v1", "incident.opened.v9")));
}
