//! What a sender and a source share, and how it is read.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use http::{HeaderName, header};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::provider::{Encoding, Provider};

/// What is shorter can be guessed.
const SHORTEST: usize = 16;

/// What a secret of Standard Webhooks begins with.
const SIGNING: &str = "whsec_";

/// What a public key of Standard Webhooks begins with.
const PUBLIC: &str = "whpk_";

/// Why a text is no secret for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// There is nothing.
    #[error("is empty")]
    Empty,
    /// It is too short.
    #[error("has {bytes} bytes, and needs {SHORTEST}")]
    Short {
        /// How many it has.
        bytes: usize,
    },
    /// It is written otherwise than its provider has it.
    #[error("is not `whsec_` or `whpk_` and Base64")]
    Misspelt,
    /// It cannot be sent in a header.
    #[error("has blanks in it, or letters that are not ASCII")]
    Unsendable,
}

impl SecretError {
    /// Returns what a human can do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Empty | Self::Short { .. } => {
                "make one with `openssl rand -hex 32`, and give it to both sides"
            }
            Self::Misspelt => {
                "make one with `echo whsec_$(openssl rand -base64 32)`, and give it to both sides"
            }
            Self::Unsendable => "write it on one line, and nothing else",
        }
    }
}

/// A secret, with the place where its sender uses it.
#[derive(Clone)]
pub(crate) enum Secret {
    /// It signs the bytes of the body.
    Hmac(Seal, Key),
    /// It signs as Standard Webhooks has it.
    Standard(Key),
    /// What signs as Standard Webhooks has it stays with the sender; this tells that it did.
    Public(Box<VerifyingKey>),
    /// It is sent as it is.
    Token(HeaderName, &'static str, Key),
}

/// The bytes of a secret; gone from memory when it is.
pub(crate) type Key = Zeroizing<Vec<u8>>;

/// Where a signature of the body is, and how it is written.
#[derive(Clone)]
pub(crate) struct Seal {
    pub(crate) header: HeaderName,
    pub(crate) prefix: String,
    pub(crate) encoding: Encoding,
    pub(crate) timestamp: Option<HeaderName>,
}

impl Secret {
    /// Reads one, as its provider has it.
    pub(crate) fn read(text: &SecretString, provider: &Provider) -> Result<Self, SecretError> {
        let text = text.expose_secret();
        let hex = |header, prefix: &str| {
            let seal = Seal {
                header: HeaderName::from_static(header),
                prefix: prefix.to_owned(),
                encoding: Encoding::Hex,
                timestamp: None,
            };
            Ok(Self::Hmac(seal, long(text.as_bytes())?))
        };
        match provider {
            Provider::Github => hex("x-hub-signature-256", "sha256="),
            Provider::Gitea => hex("x-gitea-signature", ""),
            Provider::Forgejo => hex("x-forgejo-signature", ""),
            // The name that GitHub has for SHA-1; here it is SHA-256.
            Provider::BitbucketCloud | Provider::BitbucketDataCenter => {
                hex("x-hub-signature", "sha256=")
            }
            Provider::GenericHmac(generic) => {
                let seal = Seal {
                    header: generic.header.clone(),
                    prefix: generic.prefix.clone(),
                    encoding: generic.encoding,
                    timestamp: generic.timestamp.clone(),
                };
                Ok(Self::Hmac(seal, long(text.as_bytes())?))
            }
            // A signing token is known by how it begins: its signature is asked for, and not the token.
            Provider::Gitlab if text.starts_with(SIGNING) => Self::standard(text),
            Provider::Gitlab => {
                let header = HeaderName::from_static("x-gitlab-token");
                Ok(Self::Token(header, "", sendable(text)?))
            }
            Provider::StandardWebhooks => Self::standard(text),
            Provider::Proxmox => Ok(Self::Token(header::AUTHORIZATION, "Bearer ", sendable(text)?)),
        }
    }

    fn standard(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        let decoded = |encoded| {
            STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| SecretError::Misspelt)
        };
        if let Some(encoded) = text.strip_prefix(SIGNING) {
            return Ok(Self::Standard(long(&decoded(encoded)?)?));
        }
        let encoded = text.strip_prefix(PUBLIC).ok_or(SecretError::Misspelt)?;
        let key = VerifyingKey::try_from(decoded(encoded)?.as_slice());
        let key = key.ok().filter(|key| !key.is_weak()).ok_or(SecretError::Misspelt)?;
        Ok(Self::Public(Box::new(key)))
    }
}

/// Refuses what can be guessed.
fn long(secret: &[u8]) -> Result<Key, SecretError> {
    match secret.len() {
        0 => Err(SecretError::Empty),
        bytes if bytes < SHORTEST => Err(SecretError::Short { bytes }),
        _ => Ok(Zeroizing::new(secret.to_vec())),
    }
}

fn sendable(text: &str) -> Result<Key, SecretError> {
    let key = long(text.as_bytes())?;
    if key.iter().all(u8::is_ascii_graphic) { Ok(key) } else { Err(SecretError::Unsendable) }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
