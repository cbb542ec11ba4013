//! What else senders say.

use phoenix_hooks::Kind;

use crate::sender::{Sender, now, set};

/// What a sender tells under another event.
fn under(name: &str, header: &str, event: &str) -> Kind {
    let sender = Sender::named(name);
    let mut headers = sender.right(sender.body);
    set(&mut headers, header, event);
    sender.source().receive(&headers, sender.body, now()).unwrap().kind
}

#[test]
fn a_sender_that_is_tried_out_is_answered() {
    assert_eq!(under("github", "x-github-event", "ping"), Kind::Ping);
    assert_eq!(under("bitbucket-data-center", "x-event-key", "diagnostics:ping"), Kind::Ping);
    for name in ["gitea", "forgejo"] {
        let tried = Sender::named(name)
            .send_changed(|payload| payload["before"] = payload["after"].clone())
            .unwrap();
        assert_eq!(tried.kind, Kind::Ping, "{name}");
    }
    assert_eq!(
        Sender::named("standard-webhooks")
            .send_changed(|own| own["type"] = "ping".into())
            .unwrap()
            .kind,
        Kind::Ping
    );
}

#[test]
fn other_events_concern_nobody() {
    for (name, header) in [
        ("github", "x-github-event"),
        ("gitlab, by token", "x-gitlab-event"),
        ("gitea", "x-gitea-event"),
        ("forgejo", "x-forgejo-event"),
        ("bitbucket-cloud", "x-event-key"),
        ("bitbucket-data-center", "x-event-key"),
    ] {
        let Kind::Ignored { why } = under(name, header, "fork") else { panic!("{name}") };
        assert_eq!(why, "`fork` starts nothing here; pushes do");
    }
}

#[test]
fn what_proxmox_writes_as_text_is_the_message() {
    let sender = Sender::named("proxmox");
    for media in [Some("text/plain; charset=utf-8"), None] {
        let body = "Backup of Zürich failed".as_bytes();
        let mut headers = sender.right(body);
        headers.remove("content-type");
        media.inspect(|media| set(&mut headers, "content-type", media));

        let kind = sender.source().receive(&headers, body, now()).unwrap().kind;

        let Kind::Note(note) = kind else { panic!("{kind:?}") };
        assert_eq!(note.message.as_deref(), Some("Backup of Zürich failed"));
        assert_eq!((note.title, note.severity), (None, None));
    }
}
