//! What others have published, and what was computed by openssl.

use chrono::{DateTime, Utc};
use http::HeaderMap;
use phoenix_hooks::{Kind, Refused, Source};
use secrecy::SecretString;

use crate::sender::{now, set};

const SECRET: &str = "phoenix-test-secret-0001";
const BODY: &[u8] =
    br#"{"ref":"refs/heads/main","after":"0123456789abcdef0123456789abcdef01234567"}"#;
const HEX: &str = "f33ff27b7502b201ac92550e298991d2cf04b593c33ea72ace24d3842c2f0eae";
const SHA1: &str = "sha1=81a8504480d9fce9c1a1e5624eaa620fd04338a8";
const FORM: &str = "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%2C%22after%22%3A%220123456789abcdef0123456789abcdef01234567%22%7D";

/// What becomes of a delivery.
fn receive(
    (provider, secret): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
    at: DateTime<Utc>,
) -> Result<Kind, Refused> {
    let provider = serde_json::from_str(provider).unwrap();
    let secrets = [SecretString::from(secret)];
    let source = Source::new("fleet".parse().unwrap(), provider, &secrets).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        set(&mut map, name, value);
    }
    source.receive(&map, body, at).map(|delivery| delivery.kind)
}

fn is_ignored(received: &Result<Kind, Refused>) -> bool {
    matches!(received, Ok(Kind::Ignored { .. }))
}

#[test]
fn github_signs_as_its_documentation_says() {
    let headers = |signature| {
        [
            ("content-type", "application/json"),
            ("x-github-event", "star"),
            ("x-github-delivery", "1"),
            ("x-hub-signature-256", signature),
        ]
    };
    let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let wrong = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18";
    let github = ("\"github\"", "It's a Secret to Everybody");

    assert!(is_ignored(&receive(github, &headers(right), b"Hello, World!", now())));
    let refused = receive(github, &headers(wrong), b"Hello, World!", now()).unwrap_err();
    assert_eq!(refused.status(), 401);
}

#[test]
fn one_body_has_one_digest_for_all_that_sign_it() {
    let prefixed = format!("sha256={HEX}");
    for (provider, event, delivery, proof, signature) in [
        ("\"github\"", "x-github-event", "x-github-delivery", "x-hub-signature-256", &*prefixed),
        ("\"gitea\"", "x-gitea-event", "x-gitea-delivery", "x-gitea-signature", HEX),
        ("\"forgejo\"", "x-forgejo-event", "x-forgejo-delivery", "x-forgejo-signature", HEX),
        ("\"bitbucket-cloud\"", "x-event-key", "x-request-uuid", "x-hub-signature", &*prefixed),
        ("\"bitbucket-data-center\"", "x-event-key", "x-request-id", "x-hub-signature", &*prefixed),
    ] {
        let headers = [
            ("content-type", "application/json"),
            (event, "other"),
            (delivery, "1"),
            (proof, signature),
        ];

        let received = receive((provider, SECRET), &headers, BODY, now());

        assert!(is_ignored(&received), "{provider}: {received:?}");
    }
}

#[test]
fn sha_1_alone_is_refused() {
    for (provider, event, delivery) in [
        ("\"github\"", "x-github-event", "x-github-delivery"),
        ("\"gitea\"", "x-gitea-event", "x-gitea-delivery"),
        ("\"bitbucket-cloud\"", "x-event-key", "x-request-uuid"),
    ] {
        let headers = [
            ("content-type", "application/json"),
            (event, "other"),
            (delivery, "1"),
            ("x-hub-signature", SHA1),
        ];

        let refused = receive((provider, SECRET), &headers, BODY, now()).unwrap_err();

        assert_eq!(refused.status(), 401, "{provider}: {refused}");
    }
}

#[test]
fn of_a_form_github_signs_all_and_gitea_what_it_wraps_up() {
    let all = "0c47db23635e3d9106423b77ecc44a4a8a14cb2b776dfcfe90c340c4a89362e1";
    let prefixed = format!("sha256={all}");
    let wrapped = format!("sha256={HEX}");
    for (provider, names, right, wrong) in [
        (
            "\"github\"",
            ["x-github-event", "x-github-delivery", "x-hub-signature-256"],
            &*prefixed,
            &*wrapped,
        ),
        ("\"gitea\"", ["x-gitea-event", "x-gitea-delivery", "x-gitea-signature"], HEX, all),
        ("\"forgejo\"", ["x-forgejo-event", "x-forgejo-delivery", "x-forgejo-signature"], HEX, all),
    ] {
        let [event, delivery, proof] = names;
        let headers = |signature| {
            [
                ("content-type", "application/x-www-form-urlencoded"),
                (event, "other"),
                (delivery, "1"),
                (proof, signature),
            ]
        };

        let taken = receive((provider, SECRET), &headers(right), FORM.as_bytes(), now());
        let refused = receive((provider, SECRET), &headers(wrong), FORM.as_bytes(), now());

        assert!(is_ignored(&taken), "{provider}: {taken:?}");
        assert_eq!(refused.unwrap_err().status(), 401, "{provider}");
    }
}

#[test]
fn standard_webhooks_are_signed_as_their_specification_says() {
    for (id, time, signature) in [
        (
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
            "1674087231",
            "v1,SJVF30Kpi2mR/9mMIvIkhtG4Iz8hWa0S4q2Yt1caIO0=",
        ),
    ] {
        let at = DateTime::from_timestamp(time.parse().unwrap(), 0).unwrap();
        for (provider, more) in [("\"standard-webhooks\"", "push"), ("\"gitlab\"", "Star Hook")] {
            let headers = [
                ("content-type", "application/json"),
                ("webhook-id", id),
                ("webhook-timestamp", time),
                ("webhook-signature", signature),
                ("x-gitlab-event", more),
            ];

            let received = receive(
                (provider, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                &headers,
                br#"{"test": 2432232314}"#,
                at,
            );

            assert!(matches!(received, Ok(Kind::Note(_) | Kind::Ignored { .. })), "{received:?}");
        }
    }
}
