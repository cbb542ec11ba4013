//! Which delivery it is.

use chrono::TimeDelta;
use http::{HeaderName, StatusCode};

use crate::sender::{Sender, now, set};

#[test]
fn a_delivery_has_the_name_its_sender_gave_it() {
    let id = |name: &str| Sender::named(name).send().unwrap().id.to_string();

    assert_eq!(id("github"), "72d3b6f0-0001");
    assert_eq!(id("gitlab, by token"), "5c4d-0003");
    // The one that is signed, not the one beside it.
    assert_eq!(id("gitlab, signed"), "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W");
    assert_eq!(id("generic-hmac, in hex"), "0011");
    for (name, header) in [("github", "x-github-delivery"), ("bitbucket-cloud", "x-request-uuid")] {
        let sender = Sender::named(name);
        let good = sender.right(sender.body);
        for change in ["missing", "twice", "a.b", "a b", "", "a*", &"a".repeat(129)] {
            let mut headers = good.clone();
            match change {
                "missing" => drop(headers.remove(header)),
                "twice" => {
                    headers.append(header.parse::<HeaderName>().unwrap(), "b".parse().unwrap());
                }
                odd => set(&mut headers, header, odd),
            }
            let refused = sender.source().receive(&headers, sender.body, now()).unwrap_err();
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{name}: {change}");
        }
    }
}

#[test]
fn where_a_sender_has_no_name_for_it_the_same_body_is_the_same_delivery_for_a_while() {
    let id = |name: &str, body: &[u8], later| {
        let sender = Sender::named(name);
        let mut headers = sender.right(body);
        headers.remove("idempotency-key");
        let at = now() + TimeDelta::minutes(later);
        sender.source().receive(&headers, body, at).unwrap().id
    };
    let gitlab = Sender::named("gitlab, by token").body;
    for (name, body, other) in [
        ("proxmox", &br#"{"title": "a"}"#[..], &br#"{"title": "b"}"#[..]),
        ("gitlab, by token", gitlab, &gitlab[..gitlab.len() - 1]),
    ] {
        assert_eq!(id(name, body, 0), id(name, body, 9), "{name}");
        assert_ne!(id(name, body, 0), id(name, body, 10), "{name}");
        assert_ne!(id(name, body, 0), id(name, other, 0), "{name}");
    }
}
