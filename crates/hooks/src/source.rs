//! One sender, with the secrets that show that it is the one.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use phoenix_domain::SourceName;
use secrecy::SecretString;
use thiserror::Error;

use crate::delivery::{Delivery, DeliveryId};
use crate::form::{self, Media};
use crate::header;
use crate::provider::Provider;
use crate::refused::Refused;
use crate::secret::{Secret, SecretError};
use crate::senders::{Manner, Said};

/// The most bytes of a body; GitHub sends no more.
pub const LIMIT: usize = 25 * 1024 * 1024;

/// The most secrets that hold at a time: the new one and, while the sender changes over, the old one.
const SECRETS: usize = 2;

/// One sender, with the secrets that show that it is the one.
#[derive(Clone, Debug)]
pub struct Source {
    name: SourceName,
    provider: Provider,
    secrets: Vec<Secret>,
}

/// Why there is no source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// Anybody could send.
    #[error("source `{source_name}` ({provider}) has no secret")]
    None {
        /// Which source.
        source_name: SourceName,
        /// Who sends to it.
        provider: &'static str,
    },
    /// Nobody changes over from that many.
    #[error("source `{source_name}` ({provider}) has {secrets} secrets, and may have {SECRETS}")]
    Many {
        /// Which source.
        source_name: SourceName,
        /// Who sends to it.
        provider: &'static str,
        /// How many there are.
        secrets: usize,
    },
    /// A secret is none.
    #[error("secret {number} of source `{source_name}` ({provider}) {err}")]
    Secret {
        /// Which source.
        source_name: SourceName,
        /// Who sends to it.
        provider: &'static str,
        /// Which of its secrets, counted from 1.
        number: usize,
        /// What is wrong with it.
        err: SecretError,
    },
}

impl SourceError {
    /// Returns what a human can do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::None { .. } => SecretError::Empty.advice(),
            Self::Many { .. } => "keep the one that the sender has, and the one it is to have",
            Self::Secret { err, .. } => err.advice(),
        }
    }
}

impl Source {
    /// Makes one. The first secret is the new one; a second one holds until the sender has changed over.
    pub fn new(
        name: SourceName,
        provider: Provider,
        secrets: &[SecretString],
    ) -> Result<Self, SourceError> {
        let (source_name, sender) = (name.clone(), provider.name());
        match secrets.len() {
            0 => return Err(SourceError::None { source_name, provider: sender }),
            1..=SECRETS => {}
            many => return Err(SourceError::Many { source_name, provider: sender, secrets: many }),
        }
        let read = secrets.iter().zip(1..).map(|(text, number)| {
            Secret::read(text, &provider).map_err(|err| {
                let source_name = source_name.clone();
                SourceError::Secret { source_name, provider: sender, number, err }
            })
        });
        let secrets = read.collect::<Result<_, _>>()?;
        Ok(Self { name, provider, secrets })
    }

    /// Returns its name.
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// Returns who sends to it.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Returns what a sender tells, once it has shown a secret of this source.
    pub fn receive(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Delivery, Refused> {
        if body.len() > LIMIT {
            return Err(Refused::TooLarge { bytes: body.len() });
        }
        let (manner, media) = (Manner::of(&self.provider), Media::of(headers));
        let payload = (media == Media::Form && manner.has_forms).then(|| form::payload(body));
        // Some sign what a form wraps up, and not the form.
        let signed = match &payload {
            Some(Some(payload)) if manner.signs_payload => payload.as_bytes(),
            Some(_) | None => body,
        };
        self.prove(headers, signed, now)?;
        let body = match payload {
            Some(Some(payload)) => Cow::Owned(payload.into_owned().into_bytes()),
            Some(None) => {
                return Err(Refused::Body { what: "the form has not one `payload`".to_owned() });
            }
            None if manner.takes.contains(&media) => Cow::Borrowed(body),
            None => {
                return Err(Refused::MediaType { sent: media.words(), wanted: manner.wanted });
            }
        };
        let event = manner.event.as_ref().map(|event| header::told(headers, event)).transpose()?;
        let id = DeliveryId::read(headers, &manner, &body, now)?;
        let said = Said { event: event.unwrap_or_default(), body: &body, media: &media };
        let kind = (manner.read)(&said).map_err(|err| Refused::Body { what: err.to_string() })?;
        Ok(Delivery { id, kind })
    }

    /// Tries every secret, so that the time it takes does not tell which one fitted.
    fn prove(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), Refused> {
        let tried: Vec<_> =
            self.secrets.iter().map(|secret| secret.is_shown(headers, body, now)).collect();
        let mut refused = Ok(());
        for tried in tried {
            match (tried, &refused) {
                (Ok(()), _) => return Ok(()),
                // What fitted, but too late, says more than what did not fit at all.
                (Err(late @ Refused::Untimely { .. }), _) => refused = Err(late),
                (Err(first), Ok(())) => refused = Err(first),
                (Err(_), Err(_)) => {}
            }
        }
        refused
    }
}
