//! What was ever told is what its schema says, and what is not is refused by it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use phoenix_domain::EventKind;
use phoenix_domain::health::HealthEventKind;
use serde_json::{Value, json};

use crate::{repository, schema};

/// Every event that is kept because it was told once, those of earlier versions too.
fn told() -> Vec<Value> {
    let mut told = Vec::new();
    for folder in ["v1", "health/v1", "health/v1/earlier"] {
        gather(&repository("crates/domain/tests/events").join(folder), &mut told);
    }
    told
}

fn gather(folder: &Path, told: &mut Vec<Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            told.push(serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
        }
    }
}

fn kind_of(event: &Value) -> &str {
    event["type"].as_str().unwrap()
}

fn validator(event: &Value) -> Validator {
    jsonschema::validator_for(&schema(kind_of(event))).unwrap()
}

#[test]
fn what_was_ever_told_is_what_its_schema_says() {
    let mut kinds = BTreeSet::new();
    for event in told() {
        let kind = kind_of(&event);
        let wrong: Vec<_> = validator(&event)
            .iter_errors(&event)
            .map(|err| format!("{}: {err}", err.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{kind}:\n{}", wrong.join("\n"));
        kinds.insert(kind.to_owned());
    }
    let of_guests = EventKind::ALL.iter().map(|kind| kind.type_name());
    let all = of_guests.chain(HealthEventKind::ALL.iter().map(|kind| kind.type_name()));
    assert!(all.into_iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
}

/// The places in an event of which its schema says something: not those within a spec, or another event.
fn places(value: &Value, place: &str, all: &mut Vec<String>) {
    for (name, part) in value.as_object().into_iter().flatten() {
        let place = format!("{place}/{name}");
        all.push(place.clone());
        if name != "spec" && name != "events" {
            places(part, &place, all);
        }
    }
}

#[test]
fn what_lacks_a_field_that_is_always_there_or_has_another_in_its_place_is_refused() {
    for event in told() {
        let (kind, validator) = (kind_of(&event), validator(&event));
        let mut all = Vec::new();
        places(&event, "", &mut all);
        let mut needed = 0;
        for place in all {
            let (parent, name) = place.rsplit_once('/').unwrap();
            let mut without = event.clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            needed += usize::from(!validator.is_valid(&without));

            let mut other = event.clone();
            let part = other.pointer_mut(&place).unwrap();
            *part = if part.is_boolean() { json!("true") } else { json!(true) };
            assert!(!validator.is_valid(&other), "{kind}: {place} may be anything");
        }
        assert!(needed >= 8, "{kind}: only {needed} fields are always there");

        let mut renamed = event.clone();
        renamed["type"] = "dev.phoenix.guest.requested.v9".into();
        assert!(!validator.is_valid(&renamed), "{kind}: another type is taken for it");
    }
}

#[test]
fn fields_that_nobody_knows_yet_are_let_in() {
    for mut event in told() {
        let validator = validator(&event);
        event["later"] = json!(1);
        event["data"]["later"] = json!({ "and": "more" });
        assert!(validator.is_valid(&event), "{}", kind_of(&event));
    }
}
