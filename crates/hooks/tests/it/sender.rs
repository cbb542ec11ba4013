//! Senders: what they put into headers, and how they sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName};
use phoenix_hooks::{Delivery, Provider, Refused, Source};
use secrecy::SecretString;
use serde_json::Value;
use sha2::Sha256;

use crate::senders::ALL;

/// When everything here happens.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T14:40:00Z".parse().unwrap()
}

/// A sender, and what a source of it is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) name: &'static str,
    /// The provider as it is written in a file.
    pub(crate) provider: &'static str,
    pub(crate) secrets: Secrets,
    /// The header that shows who sent something.
    pub(crate) proof: &'static str,
    /// The header with the time, where it is signed.
    pub(crate) time: Option<&'static str>,
    /// Other headers that are signed.
    pub(crate) signed: &'static [&'static str],
    /// What it sends otherwise.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static [u8],
}

/// Secrets of one kind: the new one, the old one, and somebody else's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Secrets {
    Hmac(Written),
    Token,
    Standard,
    Public,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Written {
    Hex(&'static str),
    Base64,
    /// With the time before it.
    Timed,
}

/// Which secret somebody has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    New,
    Old,
    Another,
}

impl Sender {
    pub(crate) fn named(name: &str) -> Self {
        ALL.into_iter().find(|sender| sender.name == name).unwrap()
    }

    pub(crate) fn provider(&self) -> Provider {
        serde_json::from_str(self.provider).unwrap()
    }

    /// Returns a source for which the new and the old secret hold.
    pub(crate) fn source(&self) -> Source {
        let secrets = [Whose::New, Whose::Old].map(|whose| SecretString::from(self.secret(whose)));
        Source::new("fleet".parse().unwrap(), self.provider(), &secrets).unwrap()
    }

    /// Returns a secret as its source has it.
    pub(crate) fn secret(&self, whose: Whose) -> String {
        match self.secrets {
            Secrets::Hmac(_) | Secrets::Token => whose.text().to_owned(),
            Secrets::Standard => format!("whsec_{}", STANDARD.encode(whose.text())),
            Secrets::Public => {
                format!("whpk_{}", STANDARD.encode(whose.signing().verifying_key().as_bytes()))
            }
        }
    }

    /// Returns the headers of a delivery that was sent so long ago.
    pub(crate) fn headers(&self, whose: Whose, ago: TimeDelta, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            set(&mut headers, name, value);
        }
        let (id, time) = ("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", (now() - ago).timestamp().to_string());
        self.time.inspect(|header| set(&mut headers, header, &time));
        if !self.signed.is_empty() {
            set(&mut headers, "webhook-id", id);
        }
        let standard = [format!("{id}.{time}.").as_bytes(), body].concat();
        let key = whose.text().as_bytes();
        let proof = match self.secrets {
            Secrets::Hmac(Written::Hex(prefix)) => format!("{prefix}{}", hex(&hmac(key, body))),
            Secrets::Hmac(Written::Base64) => STANDARD.encode(hmac(key, body)),
            Secrets::Hmac(Written::Timed) => {
                hex(&hmac(key, &[format!("{time}.").as_bytes(), body].concat()))
            }
            Secrets::Token if self.proof == "authorization" => format!("Bearer {}", whose.text()),
            Secrets::Token => whose.text().to_owned(),
            Secrets::Standard => format!("v1,{}", STANDARD.encode(hmac(key, &standard))),
            Secrets::Public => {
                format!("v1a,{}", STANDARD.encode(whose.signing().sign(&standard).to_bytes()))
            }
        };
        set(&mut headers, self.proof, &proof);
        headers
    }

    /// Returns the headers of a delivery as it should be.
    pub(crate) fn right(&self, body: &[u8]) -> HeaderMap {
        self.headers(Whose::New, TimeDelta::zero(), body)
    }

    /// Sends its own body, properly.
    pub(crate) fn send(&self) -> Result<Delivery, Refused> {
        self.send_body(self.body)
    }

    /// Sends its own payload otherwise than it is.
    pub(crate) fn send_changed(
        &self,
        change: impl FnOnce(&mut Value),
    ) -> Result<Delivery, Refused> {
        let mut payload = serde_json::from_slice(self.body).unwrap();
        change(&mut payload);
        self.send_body(payload.to_string().as_bytes())
    }

    pub(crate) fn send_body(&self, body: &[u8]) -> Result<Delivery, Refused> {
        self.source().receive(&self.right(body), body, now())
    }
}

impl Whose {
    fn text(self) -> &'static str {
        match self {
            Self::New => "phoenix-test-secret-0001",
            Self::Old => "phoenix-test-secret-9876",
            Self::Another => "phoenix-test-secret-0002",
        }
    }

    fn signing(self) -> SigningKey {
        let mut seed = [0; 32];
        seed.iter_mut().zip(self.text().bytes()).for_each(|(to, from)| *to = from);
        SigningKey::from_bytes(&seed)
    }
}

pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
}

fn hmac(key: &[u8], signed: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(signed);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|four| char::from_digit(u32::from(four), 16)).collect()
}
