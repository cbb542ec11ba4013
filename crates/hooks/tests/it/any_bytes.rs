//! Whatever arrives, nothing panics, and what is taken was signed.

use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue};
use phoenix_hooks::Kind;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::sender::{Sender, Whose, now};
use crate::senders::ALL;

fn senders() -> impl Strategy<Value = Sender> {
    select(ALL.to_vec())
}

/// JSON that nobody sends.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        select(vec!["push", "refs/heads/main", "0000000000000000000000000000000000000000"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Where in a payload something stands.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), into));
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(i, value)| pointers(value, &format!("{at}/{i}"), into));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #[test]
    fn no_bytes_that_were_signed_make_it_panic(sender in senders(), body in any::<Vec<u8>>()) {
        if let Err(refused) = sender.send_body(&body) {
            prop_assert!(!refused.to_string().is_empty() && !refused.advice().is_empty());
        }
    }

    #[test]
    fn no_value_in_any_place_of_a_payload_makes_it_panic(
        sender in senders(),
        value in json(),
        place in any::<prop::sample::Index>(),
    ) {
        let Ok(mut payload) = serde_json::from_slice::<Value>(sender.body) else { return Ok(()) };
        let mut places = Vec::new();
        pointers(&payload, "", &mut places);
        *payload.pointer_mut(place.get::<String>(&places)).unwrap() = value;

        match sender.send_body(payload.to_string().as_bytes()) {
            Ok(delivery) => if let Kind::Pushes(pushes) = delivery.kind {
                prop_assert!(!pushes.is_empty());
                prop_assert!(pushes.iter().all(|push| !(push.is_created() && push.is_deleted())));
            },
            Err(refused) => prop_assert_eq!(refused.status().as_u16(), 400),
        }
    }

    #[test]
    fn no_headers_let_in_who_has_no_secret(
        sender in senders(),
        values in prop::collection::vec((any::<prop::sample::Index>(), any::<Vec<u8>>()), 0..6),
        body in any::<Vec<u8>>(),
    ) {
        let mut headers = sender.headers(Whose::Another, TimeDelta::zero(), &body);
        let names: Vec<_> = headers.keys().cloned().collect();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name.get(&names), value);
            }
        }

        let refused = sender.source().receive(&headers, &body, now()).unwrap_err();

        prop_assert_eq!(refused.status().as_u16(), 401);
    }

    #[test]
    fn no_headers_make_it_panic(
        sender in senders(),
        values in prop::collection::vec((any::<prop::sample::Index>(), any::<Vec<u8>>()), 0..6),
    ) {
        let right = sender.right(sender.body);
        let names: Vec<_> = right.keys().cloned().collect();
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name.get(&names), value);
            }
        }

        prop_assert!(sender.source().receive(&headers, sender.body, now()).is_err());
    }
}
