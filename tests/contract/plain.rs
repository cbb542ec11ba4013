//! The bus as others read it: a real server, events that are told by what tells them in production, and the
//! programs and commands of `docs/events.md`.

use std::collections::BTreeSet;
use std::fs;

use chrono::Utc;
use phoenix_bus::{Bus, Pen, Teller};
use phoenix_domain::health::{AboutChannel, AboutIncident, HealthEvent, IncidentId, Turned};
use phoenix_domain::{
    CancelRequested, Cause, Class, Completed, Desired, Failure, Goal, GuestKey, Phase, Remedy,
    Requested, SpecDigest, SpecText, StepFailed, StepName, StepTaken, Verdict,
};
use phoenix_testkit::actor::Actor;
use phoenix_testkit::guest;
use phoenix_testkit::nats::NatsServer;
use serde_json::Value;

use crate::snippets::{Running, page, snippets, with_nats};
use crate::{repository, schema};

const GUEST: &str = "lxc-950";

fn requested() -> Requested {
    let spec = guest(950).build();
    Requested {
        desired: Box::new(Desired {
            revision: 1,
            run: "r-0199".parse().unwrap(),
            host: "pve1".parse().unwrap(),
            class: Class::Std,
            cause: Cause::Submitted,
            digest: SpecDigest::of(&spec),
            stands_on: Vec::new(),
            by: "kim@desk".to_owned(),
            cancelled: false,
            trusts_log: false,
            goal: Goal::Present,
            safety: None,
            after: Vec::new(),
            tried: std::collections::BTreeMap::new(),
            spec: SpecText::of(&spec).unwrap(),
        }),
    }
}

/// Says three things in a row, as a worker does: one message with three events.
async fn say_a_row(server: &NatsServer) {
    let bus = server.bus().await;
    let key: GuestKey = GUEST.parse().unwrap();
    let end = bus.end(key).await.unwrap().unwrap();
    let source = "//pve1/phoenix/worker/played".to_owned();
    let pen =
        Pen::new(bus, Teller { source, traceparent: None, clock: Utc::now }, "c1".to_owned(), end);
    let step = StepName::EnsureContainerDefined;
    let changes = vec!["create it as a clone of 920".to_owned()];
    pen.say(StepTaken { step, phase: Phase::Created, changes, took_ms: 12, said: Vec::new() });
    let failure = Failure {
        step: Some(StepName::ApplyConfigurations),
        change: None,
        what: "`pct set` ended with 255: \\ is no size".to_owned(),
        advice: None,
        output: None,
        verdict: Verdict::Retry,
        remedy: Remedy::Retry,
        at: Utc::now(),
    };
    pen.say(StepFailed { failure });
    pen.say(Completed {
        changes: 1,
        took_ms: 2500,
        addresses: vec!["10.0.0.150".parse().unwrap()],
        upstreams: None,
        set_aside: None,
    });
    let is_written = tokio::select! {
        () = pen.write() => false,
        settled = pen.settled() => settled.is_ok(),
    };
    assert!(is_written, "nobody else holds the guest");
}

/// Asks for a guest, takes it, and says how it went: two messages with an event each, and one with three.
fn tell(server: &NatsServer) -> Actor {
    let actor = Actor::new(server);
    actor.tell(GUEST, requested());
    actor.claim(GUEST);
    tokio::runtime::Runtime::new().unwrap().block_on(say_a_row(server));
    actor
}

/// Returns what is told live while a guest is asked for and made, a message a line.
fn told() -> Vec<String> {
    let server = NatsServer::start();
    let mut bash = Running::bash(&server, "phoenix.event.>");
    drop(tell(&server));
    bash.lines(3)
}

/// Returns the events of a message.
fn events(message: &str) -> Vec<Value> {
    if message.starts_with('[') {
        serde_json::from_str(message).unwrap()
    } else {
        vec![serde_json::from_str(message).unwrap()]
    }
}

fn kind_of(event: &Value) -> &str {
    event["type"].as_str().unwrap()
}

#[test]
fn bash_alone_hears_what_is_told_live() {
    let told = told();

    let of_guest = |kind: &str| format!("dev.phoenix.guest.{kind}.v1");
    let kinds = ["requested", "claimed", "step-taken", "step-failed", "completed"];
    let heard: Vec<_> = told.iter().flat_map(|message| events(message)).collect();
    assert_eq!(heard.iter().map(kind_of).collect::<Vec<_>>(), kinds.map(of_guest));
    assert!(told[2].starts_with('['), "what is said in a row is one message: {}", told[2]);
}

#[test]
fn what_is_told_in_a_row_is_what_the_schemas_say() {
    for event in told().iter().flat_map(|message| events(message)) {
        let validator = jsonschema::validator_for(&schema(kind_of(&event))).unwrap();
        let wrong: Vec<_> = validator.iter_errors(&event).map(|err| err.to_string()).collect();
        assert!(wrong.is_empty(), "{event:#}\n{}", wrong.join("\n"));
    }
}

#[test]
fn python_goes_on_where_it_ended() {
    let server = NatsServer::start();
    let actor = tell(&server);

    // Whoever may, hears acknowledgements too: one for each message.
    let mut acknowledged = Running::bash(&server, "$JS.ACK.PHOENIX_LOG.reader.>");
    let mut python = Running::python(&server);
    let first = python.lines(5);
    drop(acknowledged.lines(3));
    drop(python);
    actor.tell(GUEST, CancelRequested { by: "lee@desk".to_owned() });
    let again = Running::python(&server).line();

    assert_eq!(first[0], "1 lxc-950 dev.phoenix.guest.requested.v1");
    assert_eq!(first[4], "3 lxc-950 dev.phoenix.guest.completed.v1");
    assert_eq!(again, "4 lxc-950 dev.phoenix.guest.cancel-requested.v1");
}

/// Says whether a subject with wildcards covers a name with placeholders.
fn covers(subject: &str, name: &str) -> bool {
    let (subject, name) = (subject.split('.'), name.split('.'));
    let is_rest = subject.clone().next_back() == Some(">");
    let is_long_enough = subject.clone().count() <= name.clone().count();
    let is_as_long = subject.clone().count() == name.clone().count();
    let mut pairs = subject.zip(name);
    is_long_enough
        && (is_rest || is_as_long)
        && pairs.all(|(wanted, token)| {
            let is_placeholder = token.bytes().all(|byte| byte.is_ascii_uppercase());
            wanted == token || wanted == "*" || wanted == ">" || is_placeholder
        })
}

fn subjects() -> Vec<(String, String)> {
    let contract = fs::read(repository("tests/contract/v1.json")).unwrap();
    let contract: Value = serde_json::from_slice(&contract).unwrap();
    let subjects = contract["subjects"].as_object().unwrap().iter();
    subjects.map(|(what, name)| (what.clone(), name.as_str().unwrap().to_owned())).collect()
}

#[test]
fn the_commands_of_the_page_find_what_they_are_for() {
    let told = told();
    let incident = repository("crates/domain/tests/events/health/v1/incident.opened.json");
    let incident = fs::read_to_string(incident).unwrap().trim_end().to_owned();
    let commands = snippets("sh");
    let [failures, state, asked, called] = &commands[..] else { panic!("{commands:?}") };
    let run = |command, messages: &[String]| {
        let (words, lines) = with_nats(command, messages);
        let (subject, flags) = words.split_last().unwrap();
        assert!(
            subjects().iter().any(|(_, name)| covers(subject, name)),
            "nothing is told under {subject}"
        );
        assert_eq!(flags[..2], ["sub", "--raw"], "{command}");
        let known = ["--all", "--last-per-subject", "--count", "1"];
        assert!(flags[2..].iter().all(|flag| known.contains(&&**flag)), "{command}");
        lines
    };

    let [failure] = &run(failures, &told)[..] else { panic!("not one failure") };
    let failure: Vec<Value> = serde_json::from_str(failure).unwrap();
    let what = "`pct set` ended with 255: \\ is no size";
    assert_eq!(failure[1..], ["lxc-950", "apply_configurations", what].map(Value::from));

    // The server sends the last message alone.
    let state = run(state, &told[2..]).join("");
    assert_eq!(
        state,
        r#"{"wanted":"present","by":"kim@desk","standing":"completed","phase":"completed","attempts":0,"failure":null}"#
    );

    let [asked] = &run(asked, &told)[..] else { panic!("not one request") };
    assert!(asked.ends_with(" lxc-950 present kim@desk"), "{asked}");

    let words = "page: vllm on 950 vllm-chat (pve1) hangs: it has work and nothing moves";
    assert_eq!(run(called, &[incident]), [words]);
}

#[test]
fn the_page_names_every_subject_and_no_other() {
    let page = page();
    let promised: BTreeSet<_> = subjects().into_iter().map(|(_, name)| name).collect();

    let named: BTreeSet<_> = page
        .split('`')
        .filter(|code| code.starts_with("phoenix.") && code.contains("CELL"))
        .map(ToOwned::to_owned)
        .collect();

    assert_eq!(named, promised);
    for (what, name) in subjects() {
        assert!(page.contains(&format!("| `{name}` | {what}")), "{name} is not called {what}");
    }
}

/// Tells health what was told of it once.
async fn tell_health(bus: &Bus) -> [String; 3] {
    let sample = |kind: &str| {
        fs::read(repository(&format!("crates/domain/tests/events/health/v1/{kind}.json"))).unwrap()
    };
    let (turned, opened, silent) =
        (sample("health.turned"), sample("incident.opened"), sample("channel.silent"));
    let turned: HealthEvent<Turned> = HealthEvent::read(&turned).unwrap();
    let opened: HealthEvent<AboutIncident> = HealthEvent::read(&opened).unwrap();
    let silent: HealthEvent<AboutChannel> = HealthEvent::read(&silent).unwrap();
    let id: &IncidentId = &opened.data.incident.id;
    bus.tell_health(turned.data.guest, &turned.data.probe, turned.write()).await.unwrap();
    bus.tell_incident(id, opened.write()).await.unwrap();
    bus.tell_channel(&silent.data.channel.parse().unwrap(), silent.write()).await.unwrap();
    [turned.kind, opened.kind, silent.kind].map(|kind| kind.type_name().to_owned())
}

#[test]
fn everything_is_told_where_others_were_told_to_listen() {
    let server = NatsServer::start();
    let listening: Vec<_> = subjects()
        .into_iter()
        .map(|(what, name)| {
            let tokens = name.split('.').map(|token| match token {
                "CELL" => "main",
                "GUEST" => GUEST,
                _ if token.bytes().all(|byte| byte.is_ascii_uppercase()) => "*",
                _ => token,
            });
            let subject = tokens.collect::<Vec<_>>().join(".");
            (what, Running::bash(&server, &subject))
        })
        .collect();

    let actor = tell(&server);
    actor.tell(GUEST, requested());
    actor.give_up(GUEST);
    let kinds = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let bus = server.bus().await;
        bus.say_aloud(GUEST.parse().unwrap(), vec!["hello".to_owned()]).await.unwrap();
        bus.wake(&"pve1".parse().unwrap(), Class::Std, GUEST.parse().unwrap()).await.unwrap();
        tell_health(&bus).await
    });

    for (what, mut bash) in listening {
        let first = bash.line();
        let event: Value = serde_json::from_str(&first).unwrap_or_default();
        let kind = event["type"].as_str().unwrap_or_default();
        match &*what {
            "the log of a guest" | "the log of a guest, live" => {
                assert_eq!(kind, "dev.phoenix.guest.requested.v1");
            }
            "what is said in a guest" => assert_eq!(first, r#"{"lines":["hello"]}"#),
            "what a probe finds" => assert_eq!(kind, kinds[0]),
            "an incident" => assert_eq!(kind, kinds[1]),
            "how a channel does" => assert_eq!(kind, kinds[2]),
            "the dead letter of a guest" => assert!(first.contains("tried 8 times"), "{first}"),
            "the token that wakes a worker" => {
                assert_eq!(first, "", "it says nothing but its subject");
            }
            other => panic!("nothing was told of {other}"),
        }
    }
}
