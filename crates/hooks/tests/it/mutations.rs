//! What is changed in one bit is not what was signed.

use http::{HeaderName, HeaderValue, StatusCode};
use phoenix_hooks::{Provider, Source};

use crate::sender::{Secrets, Sender, Whose, now, set};
use crate::senders::ALL;

/// Every text that differs in one bit.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped.iter_mut().skip(bit / 8).take(1).for_each(|byte| *byte ^= 1 << (bit % 8));
        flipped
    })
}

#[test]
fn every_bit_of_every_signed_header_counts() {
    for sender in ALL {
        let (source, headers) = (sender.source(), sender.right(sender.body));
        let signed = sender.signed.iter().chain(&sender.time).chain([&sender.proof]);
        for name in signed {
            let mut tried = 0;
            for value in flipped(headers[*name].as_bytes()) {
                // What no header can hold does not arrive.
                let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
                let mut headers = headers.clone();
                headers.insert(name.parse::<HeaderName>().unwrap(), value.clone());

                let received = source.receive(&headers, sender.body, now());

                let status = received.err().map(|refused| refused.status());
                assert_eq!(status, Some(StatusCode::UNAUTHORIZED), "{}: {value:?}", sender.name);
                tried += 1;
            }
            assert!(tried > 50, "{}: {name}", sender.name);
        }
    }
}

#[test]
fn every_bit_of_a_signed_body_counts() {
    // Short, so that every bit can be tried; what it says does not come into it.
    let body = br#"{"ref":"refs/heads/main","after":"0123456789abcdef0123456789abcdef01234567"}"#;
    for sender in ALL {
        if matches!(sender.secrets, Secrets::Token) {
            continue;
        }
        let source = sender.source();
        let headers = sender.right(body);
        let status = |body: &[u8]| {
            source.receive(&headers, body, now()).err().map(|refused| refused.status())
        };

        assert_ne!(status(body), Some(StatusCode::UNAUTHORIZED), "{}", sender.name);
        let cut = [&body[1..], &body[..body.len() - 1], b"", b"{}"].map(<[u8]>::to_vec);
        for body in flipped(body).chain(cut) {
            assert_eq!(status(&body), Some(StatusCode::UNAUTHORIZED), "{}", sender.name);
        }
    }
}

#[test]
fn a_bit_of_a_form_of_gitea_changes_nothing_or_is_refused() {
    // Of a form the sender signs what it wraps up, so another spelling of the same (`%7b` for `%7B`) is
    // the same delivery; anything else is not.
    let gitea = Sender::named("gitea");
    let body = std::str::from_utf8(gitea.body).unwrap();
    let form =
        form_urlencoded::Serializer::new(String::new()).append_pair("payload", body).finish();
    let mut headers = gitea.right(gitea.body);
    set(&mut headers, "content-type", "application/x-www-form-urlencoded");
    let source = gitea.source();
    let whole = source.receive(&headers, form.as_bytes(), now()).unwrap();

    let mut refused = 0;
    for form in flipped(form.as_bytes()) {
        match source.receive(&headers, &form, now()) {
            Ok(delivery) => assert_eq!(delivery, whole),
            Err(_) => refused += 1,
        }
    }

    assert!(refused > form.len() * 7, "{refused}");
}

#[test]
fn what_one_sender_signed_another_one_did_not() {
    for sender in ALL {
        for other in ALL {
            if other.proof == sender.proof && other.provider() == sender.provider() {
                continue;
            }
            let headers = sender.right(sender.body);
            let received = other.source().receive(&headers, sender.body, now());
            // GitLab signs as Standard Webhooks has it, so with the same secret the one is the other.
            let is_same_scheme = matches!(
                (sender.provider(), other.provider()),
                (Provider::Gitlab, Provider::StandardWebhooks)
            );
            assert!(received.is_err() || is_same_scheme, "{} as {}", sender.name, other.name);
        }
    }
}

#[test]
fn the_dot_between_what_is_signed_cannot_be_moved() {
    // `a` at 17… with the body `5.{}` and `a.17…` at 5 with `{}` would be signed alike.
    let sender = Sender::named("standard-webhooks");
    let secrets = [sender.secret(Whose::New).into()];
    let source =
        Source::new("fleet".parse().unwrap(), Provider::StandardWebhooks, &secrets).unwrap();
    let time = now().timestamp();
    let body = format!("{time}.{{\"type\":\"ping\"}}");
    let mut headers = sender.right(sender.body);
    let signed = sender.right(body.as_bytes());
    headers.insert("webhook-signature", signed["webhook-signature"].clone());
    let id = signed["webhook-id"].to_str().unwrap();
    set(&mut headers, "webhook-id", &format!("{id}.{time}"));

    let refused = source.receive(&headers, br#"{"type":"ping"}"#, now()).unwrap_err();

    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}
