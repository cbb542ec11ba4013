//! Channels files: the whole of one that is good, and what is said of each mistake.

use phoenix_domain::NodeName;
use tempfile::TempDir;

use super::*;
use crate::channels::file::read;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        for (name, text, mode) in [
            ("whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", 0o600),
            ("whsec.old", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\n", 0o600),
            ("whsec.short", "whsec_AAECAwQFBgc=\n", 0o600),
            ("whsec.other", "not-a-signing-secret-at-all\n", 0o600),
            ("token", "tk_0123456789abcdefghijklmnopqrs\n", 0o600),
            ("token.short", "tk_shor\n", 0o600),
            ("token.open", "tk_0123456789abcdefghijklmnopqrs\n", 0o644),
            ("token.empty", "\n", 0o600),
            ("slack", "https://hooks.slack.example/services/T0/B0/s3cr3ts3cr3t\n", 0o600),
            ("slack.plain", "http://hooks.slack.example/services/T0/B0/s3cr3t\n", 0o600),
            ("basic", "kim:a-password-of-24-letters\n", 0o600),
            ("basic.short", "kim:letmein\n", 0o600),
            ("sendmail", "#!/bin/sh\n", 0o755),
            ("good.txt", "{{ headline }}\n", 0o644),
            ("unknown.txt", "{{ headline }}\n{{ hedline }}\n", 0o644),
            ("broken.txt", "{{ headline }}\n\n{% if %}\n", 0o644),
            (
                "endless.txt",
                "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
                0o644,
            ),
        ] {
            write(&files.0.path().join(name), text, mode);
        }
        files
    }

    fn read(&self, channels: &str) -> Result<Vec<Channel>, String> {
        let dir = self.0.path().display().to_string();
        let path = self.0.path().join("channels.json");
        let text = format!("{{\"channels\": [\n{}\n]}}", channels.replace("DIR", &dir));
        std::fs::write(&path, text).unwrap();
        read(&path, &"main".parse::<NodeName>().unwrap())
    }
}

#[test]
fn a_channel_of_each_kind_is_read() {
    let channels = Files::new().read(
        r#"
        {"name": "hooks", "kind": "webhook", "url": "https://hooks.example.org/x",
         "secret_file": "DIR/whsec", "old_secret_file": "DIR/whsec.old"},
        {"name": "oncall", "kind": "ntfy", "topic": "phoenix", "token_file": "DIR/token",
         "link": "https://wiki.example.org/{incident}", "template": "DIR/good.txt"},
        {"name": "room", "kind": "slack", "url_file": "DIR/slack", "severity": "notice"},
        {"name": "alerts", "kind": "alertmanager", "url": "http://10.0.0.7:9093",
         "basic_auth_file": "DIR/basic"},
        {"name": "people", "kind": "mail", "from": "a@example.org", "to": ["b@example.org"],
         "sendmail": "DIR/sendmail", "hosts": ["pve1"], "guests": [950]}
        "#,
    );

    let channels = channels.unwrap_or_else(|refused| panic!("{refused}"));
    let least: Vec<_> = channels.iter().map(|channel| channel.least).collect();
    assert_eq!(
        least,
        [Severity::Warn, Severity::Page, Severity::Notice, Severity::Warn, Severity::Page]
    );
    let Way::Webhook(webhook) = &channels[0].way else { panic!("{channels:?}") };
    assert_eq!(webhook.secrets.len(), 2);
    let shown = format!("{channels:?}");
    for secret in ["MfKQ9r8GKYqrTwj", "tk_0123456789", "s3cr3ts3cr3t", "a-password-of"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[test]
fn every_mistake_is_told_at_once_with_what_to_do() {
    let files = Files::new();
    let hook = r#""kind": "webhook", "url": "https://hooks.example.org/x""#;
    let ntfy = r#""kind": "ntfy", "topic": "phoenix""#;
    for (channel, said) in [
        (format!(r#"{{"name": "a", {hook}}}"#), "nothing signs the messages"),
        (format!(r#"{{"name": "a", {hook}, "secret_file": "DIR/nowhere"}}"#), "there is no "),
        (format!(r#"{{"name": "a", {hook}, "secret_file": "DIR/whsec.short"}}"#), "has 8 bytes, and needs 24"),
        (format!(r#"{{"name": "a", {hook}, "secret_file": "DIR/whsec.other"}}"#), "is not `whsec_` and Base64"),
        (format!(r#"{{"name": "a", {hook}, "secret_file": "DIR/whsec", "topic": "x"}}"#), "`topic` means nothing"),
        (r#"{"name": "a", "kind": "webhook", "url": "http://hooks.example.org/", "secret_file": "DIR/whsec"}"#.to_owned(), "allow_plain_http"),
        (r#"{"name": "a", "kind": "webhook", "secret_file": "DIR/whsec"}"#.to_owned(), "it is not said where to"),
        (format!(r#"{{"name": "a", {ntfy}, "token_file": "DIR/token.open"}}"#), "`chmod 6"),
        (format!(r#"{{"name": "a", {ntfy}, "token_file": "DIR/token.short"}}"#), "has 7 bytes, and needs 8"),
        (format!(r#"{{"name": "a", {ntfy}, "token_file": "DIR/token.empty"}}"#), "it is empty"),
        (format!(r#"{{"name": "a", {ntfy}, "template": "DIR/unknown.txt"}}"#), "unknown.txt:2"),
        (format!(r#"{{"name": "a", {ntfy}, "template": "DIR/broken.txt"}}"#), "broken.txt:3"),
        (format!(r#"{{"name": "a", {ntfy}, "template": "DIR/endless.txt"}}"#), "endless.txt"),
        (format!(r#"{{"name": "a", {ntfy}, "template": "DIR/nowhere.txt"}}"#), "--print-template ntfy"),
        (format!(r#"{{"name": "a", {ntfy}, "link": "wiki"}}"#), "this is no address"),
        (format!(r#"{{"name": "A b", {ntfy}}}"#), "this cannot be the name of a channel"),
        (format!("{{{ntfy}}}"), "this channel has no name"),
        (format!(r#"{{"name": "a", {ntfy}, "guests": [7]}}"#), "these are no numbers of guests"),
        (format!(r#"{{"name": "a", {ntfy}, "hosts": []}}"#), "no host is named"),
        (r#"{"name": "a", "kind": "ntfy", "topic": "a b"}"#.to_owned(), "no topic that ntfy takes"),
        (r#"{"name": "a"}"#.to_owned(), "what kind this channel is"),
        (r#"{"name": "a", "kind": "slack"}"#.to_owned(), "\"url_file\""),
        (r#"{"name": "a", "kind": "slack", "url_file": "DIR/slack.plain"}"#.to_owned(), "without encryption"),
        (r#"{"name": "a", "kind": "alertmanager", "url": "https://a.example.org", "basic_auth_file": "DIR/basic.short"}"#.to_owned(), "has 7 bytes, and needs 8"),
        (r#"{"name": "a", "kind": "alertmanager", "url": "https://a.example.org", "basic_auth_file": "DIR/token"}"#.to_owned(), "is not `user:password`"),
        (r#"{"name": "a", "kind": "mail", "from": "a@example.org", "to": ["b@example.org\nBcc: c@example.org"], "sendmail": "DIR/sendmail"}"#.to_owned(), "no addresses that mails can go to"),
        (r#"{"name": "a", "kind": "mail", "from": "a", "to": ["b@example.org"], "sendmail": "DIR/token"}"#.to_owned(), "is no program that can be run"),
    ] {
        let both = format!("{channel},\n{{\"name\": \"z\", \"kind\": \"fax\"}}");
        let refused = files.read(&both).unwrap_err();
        assert!(refused.contains(said), "{said}: {refused}");
        assert!(refused.contains("`webhook`") || refused.contains("fax"), "the other too: {refused}");
        assert!(!refused.contains("tk_") && !refused.contains("s3cr3t"), "{refused}");
    }
}

#[test]
fn two_channels_of_one_name_are_refused() {
    let ntfy = r#""kind": "ntfy", "topic": "phoenix""#;
    let twice = format!(r#"{{"name": "a", {ntfy}}}, {{"name": "a", {ntfy}}}"#);

    let refused = Files::new().read(&twice).unwrap_err();

    assert!(refused.contains("another channel has this name already"), "{refused}");
}
