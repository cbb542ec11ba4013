//! What was promised once holds: the types of events, where they are told, and their fields.
//!
//! `v1.json` is the promise. It grows, when a test writes into it what is new; nothing in it is taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use phoenix_domain::EventKind;
use phoenix_domain::health::HealthEventKind;
use serde_json::{Map, Value, json};

use crate::outline::{Field, Outline};
use crate::{outline, repository, schema};

/// What is promised of each type of event.
type Promises = BTreeMap<String, Promise>;

/// What is promised of a type of event.
#[derive(Clone, Debug, PartialEq)]
struct Promise {
    /// Where it is told, in the words of the subjects.
    place: String,
    fields: Outline,
}

fn place_of(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Requested
        | EventKind::RepairRequested
        | EventKind::CancelRequested
        | EventKind::Answered
        | EventKind::Claimed
        | EventKind::StepTaken
        | EventKind::StepFailed
        | EventKind::RetryWait
        | EventKind::Blocked
        | EventKind::Completed
        | EventKind::RestartBegun
        | EventKind::Drifted
        | EventKind::Failed
        | EventKind::ReturnBegun
        | EventKind::DeadLettered
        | EventKind::Cancelled => "the log of a guest",
    }
}

fn place_of_health(kind: HealthEventKind) -> &'static str {
    match kind {
        HealthEventKind::Turned => "what a probe finds",
        HealthEventKind::IncidentOpened
        | HealthEventKind::IncidentUpdated
        | HealthEventKind::IncidentResolved => "an incident",
        HealthEventKind::ChannelSilent | HealthEventKind::ChannelDelivers => "how a channel does",
        HealthEventKind::IncidentReminder
        | HealthEventKind::IncidentDigest
        | HealthEventKind::ChannelTest => "to channels alone",
    }
}

/// What the types say now.
fn now() -> Promises {
    let of_guests = EventKind::ALL.iter().map(|kind| (kind.type_name(), place_of(*kind)));
    let of_health =
        HealthEventKind::ALL.iter().map(|kind| (kind.type_name(), place_of_health(*kind)));
    of_guests
        .chain(of_health)
        .map(|(kind, place)| {
            let fields = outline::of(&schema(kind));
            (kind.to_owned(), Promise { place: place.to_owned(), fields })
        })
        .collect()
}

/// What was promised.
fn promised(contract: &Value) -> Promises {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let places = contract["types"].as_object().unwrap().iter();
    let mut promises: Promises = places
        .map(|(kind, place)| (kind.clone(), Promise { place: text(place), fields: Outline::new() }))
        .collect();
    for group in contract["fields"].as_array().unwrap() {
        for kind in group["of"].as_array().unwrap() {
            let fields = group["are"].as_object().unwrap().iter();
            let fields = fields.map(|(path, line)| (path.clone(), Field::read(&text(line))));
            promises.get_mut(kind.as_str().unwrap()).unwrap().fields.extend(fields);
        }
    }
    promises
}

/// Writes promises: fields that the same types have are said once.
fn written(promises: &Promises) -> (Value, Value) {
    let mut shared: BTreeMap<(&str, String), BTreeSet<&str>> = BTreeMap::new();
    for (kind, promise) in promises {
        for (path, field) in promise.fields.iter().filter(|(path, _)| *path != "type") {
            shared.entry((path, field.line())).or_default().insert(kind);
        }
    }
    let mut groups: BTreeMap<BTreeSet<&str>, Map<String, Value>> = BTreeMap::new();
    for ((path, line), kinds) in shared {
        groups.entry(kinds).or_default().insert(path.to_owned(), line.into());
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(kinds, _)| std::cmp::Reverse(kinds.len()));
    let groups = groups.into_iter().map(|(kinds, fields)| json!({ "of": kinds, "are": fields }));
    let places =
        promises.iter().map(|(kind, promise)| (kind.clone(), promise.place.clone().into()));
    (Value::Object(places.collect()), groups.collect())
}

/// Says what readers of `old` stumble over in `new`.
fn broken(old: &Promises, new: &Promises) -> Vec<String> {
    let mut broken = Vec::new();
    for (kind, was) in old {
        let Some(is) = new.get(kind) else {
            broken.push(format!("{kind} is told no more, or has another name"));
            continue;
        };
        if was.place != is.place {
            broken.push(format!("{kind} was told under {}, and now {}", was.place, is.place));
        }
        for (path, was) in &was.fields {
            match is.fields.get(path) {
                None => broken.push(format!("{kind}: `{path}` is gone, or has another name")),
                Some(is) => {
                    let breaks = field_broken(was, is).into_iter();
                    broken.extend(breaks.map(|what| format!("{kind}: `{path}` {what}")));
                }
            }
        }
    }
    broken
}

fn field_broken(was: &Field, is: &Field) -> Vec<String> {
    let mut broken = Vec::new();
    let list = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(", ");
    if was.is_always_there && !is.is_always_there {
        broken.push("was always there, and can be missing now".to_owned());
    }
    if !is.types.is_subset(&was.types) {
        broken.push(format!("was {}, and can be {} now", list(&was.types), list(&is.types)));
    }
    let gone: BTreeSet<_> = was.values.difference(&is.values).cloned().collect();
    if !gone.is_empty() {
        broken.push(format!("does not say {} any more", list(&gone)));
    }
    broken
}

const WHAT_TO_DO: &str = "Others read this without Phoenix. Keep the old form, and add to it; or tell a new version \
     of the type beside it (`dev.phoenix.….v2`), for as long as anybody reads the old one. What stands in \
     tests/contract/v1.json is not taken back.";

#[test]
fn what_was_promised_holds() {
    let path = repository("tests/contract/v1.json");
    let mut contract: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let (old, new) = (promised(&contract), now());

    let broken = broken(&old, &new);

    assert!(broken.is_empty(), "\n{}\n\n{WHAT_TO_DO}", broken.join("\n"));
    let (types, fields) = written(&new);
    if (&types, &fields) != (&contract["types"], &contract["fields"]) {
        (contract["types"], contract["fields"]) = (types, fields);
        fs::write(&path, format!("{contract:#}\n")).unwrap();
        panic!("{} has something new in it: look at it, and commit it", path.display());
    }
}

/// Two types of event with a field each, to be broken.
fn small() -> Promises {
    let promise = |path: &str, line: &str| Promise {
        place: "an incident".to_owned(),
        fields: [(path.to_owned(), Field::read(line))].into(),
    };
    [
        ("opened.v1".to_owned(), promise("data.severity", "string: page, warn")),
        ("closed.v1".to_owned(), promise("data.by", "maybe string or null")),
    ]
    .into()
}

/// Says what is broken when the small promises are changed.
fn when(change: impl FnOnce(&mut Promises)) -> Vec<String> {
    let mut new = small();
    change(&mut new);
    broken(&small(), &new)
}

fn severity(new: &mut Promises) -> &mut Field {
    new.get_mut("opened.v1").unwrap().fields.get_mut("data.severity").unwrap()
}

#[test]
fn each_breach_of_promise_is_called_by_its_name() {
    let renamed = when(|new| {
        let fields = &mut new.get_mut("opened.v1").unwrap().fields;
        let field = fields.remove("data.severity").unwrap();
        fields.insert("data.urgency".to_owned(), field);
    });
    assert_eq!(renamed, ["opened.v1: `data.severity` is gone, or has another name"]);

    let moved = when(|new| "elsewhere".clone_into(&mut new.get_mut("opened.v1").unwrap().place));
    assert_eq!(moved, ["opened.v1 was told under an incident, and now elsewhere"]);

    let removed = when(|new| drop(new.remove("closed.v1")));
    assert_eq!(removed, ["closed.v1 is told no more, or has another name"]);

    let retyped = when(|new| *severity(new) = Field::read("integer"));
    assert_eq!(
        retyped,
        [
            "opened.v1: `data.severity` was string, and can be integer now",
            "opened.v1: `data.severity` does not say page, warn any more"
        ]
    );

    let optional = when(|new| severity(new).is_always_there = false);
    assert_eq!(optional, ["opened.v1: `data.severity` was always there, and can be missing now"]);

    let fewer = when(|new| *severity(new) = Field::read("string: page"));
    assert_eq!(fewer, ["opened.v1: `data.severity` does not say warn any more"]);
}

#[test]
fn what_only_adds_breaks_nothing() {
    let more = when(|new| {
        severity(new).values.insert("info".to_owned());
        let closed = new.get_mut("closed.v1").unwrap();
        closed.fields.insert("data.by".to_owned(), Field::read("string"));
        closed.fields.insert("data.why".to_owned(), Field::read("maybe string"));
        let another = new["closed.v1"].clone();
        new.insert("closed.v2".to_owned(), another);
    });

    assert!(more.is_empty(), "{more:?}");
}
