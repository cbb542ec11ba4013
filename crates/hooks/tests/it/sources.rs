//! What a source needs to be one, and what it tells.

use phoenix_hooks::{SecretError, Source, SourceError};
use secrecy::SecretString;

use crate::sender::{Secrets, Whose};
use crate::senders::ALL;

fn source(provider: &str, secrets: &[&str]) -> Result<Source, SourceError> {
    let secrets: Vec<_> = secrets.iter().map(|&secret| SecretString::from(secret)).collect();
    Source::new("fleet".parse().unwrap(), serde_json::from_str(provider).unwrap(), &secrets)
}

#[test]
fn no_source_is_open_or_easy_to_guess() {
    for sender in ALL {
        let good = sender.secret(Whose::New);
        let short = match sender.secrets {
            Secrets::Hmac(_) | Secrets::Token => "fifteen-bytes-x",
            Secrets::Standard => "whsec_Zmlmd",
            Secrets::Public => "whpk_Zmlm",
        };
        assert!(source(sender.provider, &[]).is_err(), "{}", sender.name);
        for bad in ["", short] {
            assert!(source(sender.provider, &[bad]).is_err(), "{}: {bad}", sender.name);
            assert!(source(sender.provider, &[&good, bad]).is_err(), "{}: {bad}", sender.name);
        }
        assert!(source(sender.provider, &[&good, &good, &good]).is_err(), "{}", sender.name);
        assert!(source(sender.provider, &[&good]).is_ok(), "{}", sender.name);
    }
}

#[test]
fn sixteen_bytes_are_enough_and_fifteen_are_not() {
    assert!(source("\"github\"", &["sixteen-bytes-xx"]).is_ok());
    let refused = source("\"github\"", &["fifteen-bytes-x"]).unwrap_err();
    let SourceError::Secret { err, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*err, SecretError::Short { bytes: 15 });
    // Sixteen characters of Base64 are twelve bytes.
    assert!(source("\"standard-webhooks\"", &["whsec_c2l4dGVlbi1ieXRl"]).is_err());
    assert!(source("\"standard-webhooks\"", &["whsec_c2l4dGVlbi1ieXRlcy14eA=="]).is_ok());
}

#[test]
fn an_error_names_the_source_and_the_way_out_and_no_secret() {
    let secrets = ["phoenix-test-secret-0001", "hunter2"];

    let said = [
        source("\"github\"", &[]),
        source("\"gitea\"", &[""]),
        source("\"gitlab\"", &secrets),
        source("\"gitlab\"", &["a secret with blanks"]),
        source("\"standard-webhooks\"", &["phoenix-test-secret-0001"]),
        source("\"proxmox\"", &[secrets[0]; 3]),
    ]
    .map(|refused| refused.unwrap_err())
    .map(|refused| format!("{refused}\n  {}", refused.advice()));

    insta::assert_snapshot!(said.join("\n"), @r"
    source `fleet` (github) has no secret
      make one with `openssl rand -hex 32`, and give it to both sides
    secret 1 of source `fleet` (gitea) is empty
      make one with `openssl rand -hex 32`, and give it to both sides
    secret 2 of source `fleet` (gitlab) has 7 bytes, and needs 16
      make one with `openssl rand -hex 32`, and give it to both sides
    secret 1 of source `fleet` (gitlab) has blanks in it, or letters that are not ASCII
      write it on one line, and nothing else
    secret 1 of source `fleet` (standard-webhooks) is not `whsec_` or `whpk_` and Base64
      make one with `echo whsec_$(openssl rand -base64 32)`, and give it to both sides
    source `fleet` (proxmox) has 3 secrets, and may have 2
      keep the one that the sender has, and the one it is to have
    ");
}

#[test]
fn a_source_does_not_show_its_secrets() {
    for sender in ALL {
        let shown = format!("{:?}", sender.source());

        assert!(!shown.contains("phoenix-test-secret"), "{shown}");
        assert!(!shown.contains(&sender.secret(Whose::New)), "{shown}");
    }
}
