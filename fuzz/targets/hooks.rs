//! Any bytes as what a webhook says, rightly signed: they may be refused, and nothing else may happen. And any
//! as a rule.

#![no_main]

use chrono::DateTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use phoenix_hooks::{Kind, Provider, RawRule, Rule, Source, matching};
use secrecy::SecretString;
use sha2::Sha256;

const SECRET: &str = "phoenix-test-secret-0001";

/// The first byte says who sends the rest; the letters make seeds a person can read and write.
fn sender(letter: u8) -> Option<(Provider, &'static str, &'static [(&'static str, &'static str)])> {
    Some(match letter {
        b'g' => (
            Provider::Github,
            "x-hub-signature-256",
            &[("x-github-event", "push"), ("x-github-delivery", "1")],
        ),
        b'l' => (Provider::Gitlab, "x-gitlab-token", &[("x-gitlab-event", "Push Hook")]),
        b't' => (
            Provider::Gitea,
            "x-gitea-signature",
            &[("x-gitea-event", "push"), ("x-gitea-delivery", "1")],
        ),
        b'c' => (
            Provider::BitbucketCloud,
            "x-hub-signature",
            &[("x-event-key", "repo:push"), ("x-request-uuid", "1")],
        ),
        b'd' => (
            Provider::BitbucketDataCenter,
            "x-hub-signature",
            &[("x-event-key", "repo:refs_changed"), ("x-request-id", "1")],
        ),
        b'p' => (Provider::Proxmox, "authorization", &[]),
        _ => return None,
    })
}

fn proof(provider: &Provider, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
    mac.update(body);
    let digest: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    match provider {
        Provider::Gitlab => SECRET.to_owned(),
        Provider::Proxmox => format!("Bearer {SECRET}"),
        Provider::Gitea => digest,
        _ => format!("sha256={digest}"),
    }
}

fn hear(letter: u8, body: &[u8], rules: &[Rule]) -> Option<()> {
    let (provider, header, others) = sender(letter)?;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in others {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    headers.insert(header, proof(&provider, body).parse().ok()?);
    let name = "fuzz".parse().expect("it is the name of a source");
    let source =
        Source::new(name, provider, &[SecretString::from(SECRET)]).expect("its secret is long");
    let now = DateTime::from_timestamp(1_795_358_400, 0)?;
    match source.receive(&headers, body, now) {
        Ok(delivery) => {
            if let Kind::Pushes(pushes) = delivery.kind {
                pushes.iter().for_each(|push| drop(matching(rules, push, now)));
            }
        }
        Err(refused) => assert_eq!(refused.status(), 400, "{refused}"),
    }
    Some(())
}

fuzz_target!(|input: &[u8]| {
    let Some((letter, text)) = input.split_first() else { return };
    if *letter == b'r' {
        // A rule, a line break, and what GitHub says.
        let (rule, body) =
            text.split_at(text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len()));
        let rule =
            serde_json::from_slice::<RawRule>(rule).ok().and_then(|raw| Rule::try_from(&raw).ok());
        hear(b'g', body, rule.as_slice());
    } else {
        hear(*letter, text, &[]);
    }
});
