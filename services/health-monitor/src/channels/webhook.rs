//! The event itself, signed as Standard Webhooks has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use phoenix_bus::News;
use phoenix_domain::health::{Digest, HealthEvent, HealthEventKind, IncidentReminder, Reminder};
use phoenix_post::Post;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::channel::Saying;

/// What a signing secret begins with.
const PREFIX: &str = "whsec_";

/// Where events are posted to.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) url: Url,
    /// What signs, the newest first: while receivers change over, two do.
    pub(crate) secrets: Vec<Signing>,
}

/// A secret that signs.
#[derive(Clone)]
pub(crate) struct Signing(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signing")
    }
}

impl Signing {
    /// Reads one as it is written: `whsec_` and Base64. Returns how many bytes it has.
    pub(crate) fn read(text: &SecretString) -> Option<(Self, usize)> {
        let encoded = text.expose_secret().trim().strip_prefix(PREFIX)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
        let length = bytes.len();
        Some((Self(bytes), length))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl Webhook {
    /// Returns an event as it is posted at that time. Its name stays the same however often it is.
    pub(crate) fn post(&self, id: &str, body: &[u8], at: DateTime<Utc>) -> Post {
        let timestamp = at.timestamp();
        let signed = self.secrets.iter().filter_map(|secret| secret.sign(id, timestamp, body));
        let signatures = signed.collect::<Vec<_>>().join(" ");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json"));
        let more = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signatures),
        ];
        for (name, value) in more {
            headers.extend(
                HeaderValue::from_str(&value)
                    .ok()
                    .map(|value| (http::header::HeaderName::from_static(name), value)),
            );
        }
        Post { url: self.url.clone(), headers, body: body.to_vec() }
    }
}

/// Returns the event that nobody has seen what this is the news of.
pub(crate) fn reminder(saying: Saying<'_>, source: &str) -> Vec<u8> {
    let Saying { news, now, .. } = saying;
    let incident = &news.incident;
    let stands_s = (now - incident.opened).num_seconds();
    let reminder = IncidentReminder {
        text: incident.text.clone(),
        incident: Box::new(incident.clone()),
        guests: news.guests.clone(),
        reminder: Reminder { number: saying.nth_reminder(), stands_s },
    };
    let (kind, subject) = (HealthEventKind::IncidentReminder, incident.id.to_string());
    HealthEvent::new(kind, saying.id(), source, subject, now, reminder).write()
}

/// Returns the name of a message about several news: the same whenever it is about the same.
pub(crate) fn name_of_all(news: &[&News]) -> String {
    let mut hash = Sha256::new();
    for one in news {
        hash.update(one.id.as_bytes());
    }
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
    format!("digest-{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// Returns the event that has several others in it, whole and in this order.
pub(crate) fn digest(
    name: &str,
    news: &[&News],
    text: &str,
    source: &str,
    at: DateTime<Utc>,
) -> Vec<u8> {
    let events = news.iter().map(|one| serde_json::from_slice(&one.body).unwrap_or_default());
    let events: Vec<_> = events.collect();
    let digest = Digest { text: text.to_owned(), count: events.len(), events };
    let (kind, id) = (HealthEventKind::IncidentDigest, name.to_owned());
    HealthEvent::new(kind, id.clone(), source, id, at, digest).write()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signing(text: &str) -> Signing {
        Signing::read(&SecretString::from(text)).unwrap().0
    }

    #[test]
    fn a_signature_is_what_receivers_compute() {
        let secret = signing("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        for (id, timestamp, body, signature) in [
            (
                "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
                1_674_087_231,
                r#"{"test": 2432232314}"#,
                "v1,SJVF30Kpi2mR/9mMIvIkhtG4Iz8hWa0S4q2Yt1caIO0=",
            ),
            (
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ] {
            assert_eq!(secret.sign(id, timestamp, body.as_bytes()).unwrap(), signature, "{id}");
        }
    }

    #[test]
    fn while_a_secret_is_changed_both_sign() {
        let (new, old) =
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        let url = Url::parse("https://hooks.example.org/in").unwrap();
        let webhook = Webhook { url, secrets: vec![signing(new), signing(old)] };
        let at = DateTime::from_timestamp(1_674_087_231, 0).unwrap();

        let post = webhook.post("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", br#"{"test": 2432232314}"#, at);

        let signature = post.headers["webhook-signature"].to_str().unwrap();
        let signatures: Vec<_> = signature.split(' ').collect();
        assert_eq!(signatures.len(), 2, "{signature}");
        assert_eq!(signatures[0], "v1,SJVF30Kpi2mR/9mMIvIkhtG4Iz8hWa0S4q2Yt1caIO0=");
        assert_ne!(signatures[0], signatures[1]);
        assert_eq!(post.headers["webhook-id"], "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W");
        assert_eq!(post.headers["webhook-timestamp"], "1674087231");
    }

    #[test]
    fn what_is_no_signing_secret_is_none() {
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"] {
            let read = Signing::read(&SecretString::from(text));
            assert!(read.is_none_or(|(_, length)| length == 0), "{text}");
        }
    }
}
