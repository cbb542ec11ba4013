//! Whether a delivery is from whom it says.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::header::proof;
use crate::provider::Encoding;
use crate::refused::Refused;
use crate::secret::{Seal, Secret};

/// How far the clocks of both sides may be apart, and how long a delivery may be on its way.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// The most signatures in one header; to check one takes time, and anybody may ask for it.
const SIGNATURES: usize = 8;

/// The most digits of a time in seconds: enough for three thousand years.
const DIGITS: usize = 11;

/// The header in which GitHub, and who imitates it, sends SHA-1.
static SHA1: HeaderName = HeaderName::from_static("x-hub-signature");

/// The headers of Standard Webhooks.
pub(crate) static ID: HeaderName = HeaderName::from_static("webhook-id");
static TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
static SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

impl Secret {
    /// Says whether what arrived shows this secret. Nothing of the body was read before that.
    pub(crate) fn is_shown(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        match self {
            Self::Hmac(seal, key) => seal.holds(key, headers, body, now),
            Self::Standard(key) => standard(headers, body, now, |signed, sent| {
                let sent = sent.strip_prefix("v1,")?;
                Some(is_same(&STANDARD.encode(mac(key, signed)?), sent.as_bytes()))
            }),
            Self::Public(key) => standard(headers, body, now, |signed, sent| {
                Some(is_signed(key, signed, sent.strip_prefix("v1a,")?))
            }),
            Self::Token(header, prefix, token) => {
                let mut expected = Zeroizing::new(prefix.as_bytes().to_vec());
                expected.extend_from_slice(token);
                let sent = proof(headers, header)?;
                // Both are hashed first: not even the length of the token is told by the time it takes.
                let is_it = Sha256::digest(&*expected).ct_eq(&Sha256::digest(sent));
                right(is_it.into(), header)
            }
        }
    }
}

impl Seal {
    fn holds(
        &self,
        key: &[u8],
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let is_weak = self.header != SHA1 && headers.contains_key(&SHA1);
        if is_weak && !headers.contains_key(&self.header) {
            return Err(Refused::Weak { header: SHA1.clone() });
        }
        let sent = proof(headers, &self.header)?;
        let stamp =
            self.timestamp.as_ref().map(|header| Stamp::read(headers, header)).transpose()?;
        let begin = stamp.as_ref().map_or(String::new(), |stamp| format!("{}.", stamp.text));
        let expected = mac(key, [begin.as_bytes(), body]).map(|mac| match self.encoding {
            Encoding::Hex => format!("{}{}", self.prefix, hex(&mac)),
            Encoding::Base64 => format!("{}{}", self.prefix, STANDARD.encode(mac)),
        });
        right(expected.is_some_and(|expected| is_same(&expected, sent)), &self.header)?;
        stamp.map_or(Ok(()), |stamp| stamp.timely(now))
    }
}

/// Checks what is signed as Standard Webhooks has it. There may be several signatures, while the sender
/// changes over; `fits` says whether one is right.
fn standard(
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
    fits: impl Fn([&[u8]; 5], &str) -> Option<bool>,
) -> Result<(), Refused> {
    let sent = proof(headers, &SIGNATURE)?;
    let id = proof(headers, &ID)?;
    let stamp = Stamp::read(headers, &TIMESTAMP)?;
    let signed = [id, b".", stamp.text.as_bytes(), b".", body];
    // A dot parts what is signed, so there is none in an id: else two ids could be meant.
    let is_right = !id.contains(&b'.')
        && signatures(sent).is_some_and(|mut sent| sent.any(|one| fits(signed, one) == Some(true)));
    right(is_right, &SIGNATURE)?;
    stamp.timely(now)
}

/// Returns the signatures of a header: a version, a comma and Base64 each, with a blank in between. What a
/// proxy has joined of two headers is no such list.
fn signatures(sent: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let list = std::str::from_utf8(sent).ok()?.split(' ');
    let is_one = |one: &str| one.split_once(',').is_some_and(|(_, rest)| !rest.contains(','));
    let is_list = list.clone().take(SIGNATURES + 1).count() <= SIGNATURES;
    (is_list && list.clone().all(is_one)).then_some(list)
}

/// When something was sent, as the sender wrote it.
struct Stamp<'a> {
    header: &'a HeaderName,
    text: &'a str,
    seconds: i64,
}

impl<'a> Stamp<'a> {
    fn read(headers: &'a HeaderMap, header: &'a HeaderName) -> Result<Self, Refused> {
        let value = proof(headers, header)?;
        let is_time = value.len() <= DIGITS && value.iter().all(u8::is_ascii_digit);
        let read = std::str::from_utf8(value).ok().filter(|_| is_time);
        let read = read.and_then(|text| Some((text, text.parse().ok()?)));
        let (text, seconds) = read.ok_or_else(|| Refused::Untimed { header: header.clone() })?;
        Ok(Self { header, text, seconds })
    }

    fn timely(&self, now: DateTime<Utc>) -> Result<(), Refused> {
        let seconds = now.timestamp().saturating_sub(self.seconds);
        if seconds.abs() <= PATIENCE.num_seconds() {
            return Ok(());
        }
        Err(Refused::Untimely { header: self.header.clone(), seconds })
    }
}

fn mac<const PARTS: usize>(key: &[u8], parts: [&[u8]; PARTS]) -> Option<[u8; 32]> {
    // A key of HMAC may have any length, so there is always one.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

/// Compares text as it is written, so that there is one way to write what is right: no other case of the
/// letters, no blank, no other padding.
fn is_same(expected: &str, sent: &[u8]) -> bool {
    expected.as_bytes().ct_eq(sent).into()
}

fn is_signed(key: &VerifyingKey, signed: [&[u8]; 5], sent: &str) -> bool {
    let signature = STANDARD.decode(sent).ok();
    let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
    signature.is_some_and(|signature| key.verify_strict(&signed.concat(), &signature).is_ok())
}

fn right(is_right: bool, header: &HeaderName) -> Result<(), Refused> {
    if is_right { Ok(()) } else { Err(Refused::Wrong { header: header.clone() }) }
}

/// Writes bytes as hexadecimal digits, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // A String takes everything that is written to it.
        let _written = write!(digits, "{byte:02x}");
    }
    digits
}
