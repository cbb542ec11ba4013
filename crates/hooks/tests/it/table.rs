//! Every sender with every proof.

use chrono::TimeDelta;
use http::{HeaderName, HeaderValue, StatusCode};
use phoenix_hooks::Refused;

use crate::sender::{Sender, Whose, now, set};
use crate::senders::ALL;

/// Asserts what becomes of a delivery of every sender.
fn refused(what: &str, change: impl Fn(&Sender, &mut http::HeaderMap)) {
    for sender in ALL {
        let mut headers = sender.right(sender.body);
        change(&sender, &mut headers);

        let refused = sender.source().receive(&headers, sender.body, now()).unwrap_err();

        assert_eq!(
            refused.status(),
            StatusCode::UNAUTHORIZED,
            "{}, {what}: {refused}",
            sender.name
        );
        assert_eq!(refused.told(), "not authorised", "{}, {what}", sender.name);
    }
}

/// Changes the value of the header that shows who sent something.
fn proof(change: impl Fn(&str) -> String) -> impl Fn(&Sender, &mut http::HeaderMap) {
    move |sender, headers| {
        let changed = change(headers[sender.proof].to_str().unwrap());
        set(headers, sender.proof, &changed);
    }
}

#[test]
fn both_secrets_hold_and_no_other() {
    for sender in ALL {
        for (whose, is_taken) in [(Whose::New, true), (Whose::Old, true), (Whose::Another, false)] {
            let headers = sender.headers(whose, TimeDelta::zero(), sender.body);

            let received = sender.source().receive(&headers, sender.body, now());

            assert_eq!(received.is_ok(), is_taken, "{}: {received:?}", sender.name);
            if let Err(refused) = received {
                assert!(matches!(refused, Refused::Wrong { .. }), "{}: {refused}", sender.name);
            }
        }
    }
}

#[test]
fn without_a_proof_nothing_is_taken() {
    refused("missing", |sender, headers| drop(headers.remove(sender.proof)));
    refused("empty", proof(|_| String::new()));
    refused("the prefix alone", proof(|value| value.chars().take(7).collect()));
}

#[test]
fn a_proof_that_is_there_twice_is_none() {
    for second in ["the same", "another"] {
        refused(second, |sender, headers| {
            let value = headers[sender.proof].clone();
            let value = if second == "another" { HeaderValue::from_static("x") } else { value };
            headers.append(sender.proof.parse::<HeaderName>().unwrap(), value);
        });
        refused(second, |sender, headers| {
            let value = headers.remove(sender.proof).unwrap();
            let name = sender.proof.parse::<HeaderName>().unwrap();
            headers.append(name.clone(), HeaderValue::from_static("x"));
            headers.append(name, value);
        });
    }
    refused("joined by a proxy", proof(|value| format!("{value}, {value}")));
}

#[test]
fn there_is_one_way_to_write_a_proof() {
    refused("upper case", proof(str::to_ascii_uppercase));
    refused("a digit less", proof(|value| value[..value.len() - 1].to_owned()));
    refused("a digit more", proof(|value| format!("{value}0")));
    refused("padding more", proof(|value| format!("{value}=")));
    refused("a blank inside", proof(|value| format!("{} {}", &value[..20], &value[20..])));
    refused("another prefix", proof(|value| format!("sha512={value}")));
    refused("another version", proof(|value| format!("v2,{value}")));
}

#[test]
fn what_is_old_or_from_the_future_is_refused_where_the_time_is_signed() {
    let minutes = TimeDelta::minutes;
    let second = TimeDelta::seconds(1);
    for sender in ALL {
        for (ago, is_near) in [
            (minutes(5), true),
            (minutes(-5), true),
            (minutes(5) + second, false),
            (minutes(-5) - second, false),
            (TimeDelta::days(4000), false),
        ] {
            let headers = sender.headers(Whose::Old, ago, sender.body);

            let received = sender.source().receive(&headers, sender.body, now());

            match sender.time {
                Some(_) if !is_near => {
                    let refused = received.unwrap_err();
                    assert!(matches!(refused, Refused::Untimely { .. }), "{}", sender.name);
                    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
                }
                Some(_) | None => assert!(received.is_ok(), "{}: {received:?}", sender.name),
            }
        }
    }
}

#[test]
fn a_time_that_is_none_is_refused() {
    let mut timed = 0;
    for sender in ALL {
        let Some(time) = sender.time else { continue };
        timed += 1;
        for bad in ["", " ", "-1", "+1795358400", "1795358400.0", "0x6b", "999999999999", "now"] {
            let mut headers = sender.right(sender.body);
            set(&mut headers, time, bad);

            let refused = sender.source().receive(&headers, sender.body, now()).unwrap_err();

            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{}: `{bad}`", sender.name);
        }
        let mut headers = sender.right(sender.body);
        headers.append(time.parse::<HeaderName>().unwrap(), headers[time].clone());
        let refused = sender.source().receive(&headers, sender.body, now()).unwrap_err();
        assert!(matches!(refused, Refused::Several { .. }), "{}", sender.name);
    }
    assert_eq!(timed, 4);
}

#[test]
fn of_several_signatures_in_one_header_one_is_enough() {
    let sender = Sender::named("standard-webhooks");
    let mut headers = sender.right(sender.body);
    let another = sender.headers(Whose::Another, TimeDelta::zero(), sender.body);
    let [right, wrong] =
        [&headers, &another].map(|headers| headers[sender.proof].to_str().unwrap().to_owned());

    for (value, is_taken) in [
        (format!("{wrong} {right}"), true),
        (format!("v1a,AAAA {right} {wrong}"), true),
        (format!("{wrong} {wrong}"), false),
        (format!("{wrong},{right}"), false),
        (format!("{}{right}", format!("{wrong} ").repeat(7)), true),
        (format!("{}{right}", format!("{wrong} ").repeat(8)), false),
    ] {
        set(&mut headers, sender.proof, &value);
        let received = sender.source().receive(&headers, sender.body, now());
        assert_eq!(received.is_ok(), is_taken, "{value}");
    }
}
