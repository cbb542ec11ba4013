//! What cannot be read, and what is said about it.

use http::StatusCode;
use serde_json::json;

use crate::sender::{Sender, Whose, now, set};

const ZEROS: &str = "0000000000000000000000000000000000000000";

#[test]
fn what_is_signed_and_not_understood_is_a_bad_request_that_does_not_show_it() {
    let secret = "hunter2-in-the-body";
    for name in ["github", "gitlab, signed", "gitea", "bitbucket-cloud", "bitbucket-data-center"] {
        let sender = Sender::named(name);
        let bodies = [
            String::new(),
            "{".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            "null".to_owned(),
            format!("\"{secret}\""),
            format!(r#"{{"ref": "{secret}", "before": "{secret}"}}"#),
            "[".repeat(100_000),
        ];
        for body in bodies {
            let refused = sender.send_body(body.as_bytes()).unwrap_err();

            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{name}: {refused}");
            let said = format!("{refused} {}", refused.advice());
            assert!(!said.contains("hunter2"), "{name}: {said}");
        }
    }
    for (field, value) in [
        ("before", json!(secret)),
        ("after", json!("0123")),
        ("ref", json!("refs/heads/a b")),
        ("repository", json!({ "html_url": format!("file:///{secret}") })),
        ("commits", json!([{ "added": [7] }])),
    ] {
        let refused =
            Sender::named("github").send_changed(|payload| payload[field] = value).unwrap_err();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{field}");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
    let nowhere = Sender::named("github").send_changed(|payload| {
        payload["before"] = ZEROS.into();
        payload["after"] = ZEROS.into();
    });
    assert_eq!(nowhere.unwrap_err().status(), StatusCode::BAD_REQUEST);
    let no_links = Sender::named("bitbucket-data-center").send_changed(|payload| {
        payload["repository"].as_object_mut().unwrap().remove("links");
    });
    assert!(no_links.unwrap_err().to_string().ends_with("`repository.links` is missing"));
}

#[test]
fn a_body_of_another_type_or_size_is_refused() {
    let sender = Sender::named("gitlab, by token");
    for media in ["text/html", "application/x-www-form-urlencoded", "application/xml", ""] {
        let mut headers = sender.right(sender.body);
        set(&mut headers, "content-type", media);
        let refused = sender.source().receive(&headers, sender.body, now()).unwrap_err();
        assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media}");
    }
    let mut headers = sender.right(sender.body);
    headers.append("content-type", "application/json".parse().unwrap());
    let refused = sender.source().receive(&headers, sender.body, now()).unwrap_err();
    assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let large = vec![b' '; phoenix_hooks::LIMIT + 1];
    let refused = sender.source().receive(&headers, &large, now()).unwrap_err();
    assert_eq!((refused.status(), refused.told()), (StatusCode::PAYLOAD_TOO_LARGE, "too large"));
}

#[test]
fn who_has_shown_no_secret_learns_nothing_about_the_body() {
    let sender = Sender::named("github");
    let mut headers = sender.headers(Whose::Another, chrono::TimeDelta::zero(), b"{");
    set(&mut headers, "content-type", "text/html");
    headers.remove("x-github-event");

    let refused = sender.source().receive(&headers, b"{", now()).unwrap_err();

    assert_eq!((refused.status(), refused.told()), (StatusCode::UNAUTHORIZED, "not authorised"));
}
