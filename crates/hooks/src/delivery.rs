//! What a sender has told.

use std::fmt;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use crate::header;
use crate::proof::hex;
use crate::push::Push;
use crate::refused::{Fault, Refused};
use crate::senders::Manner;

/// For how long two bodies that are the same are one delivery, where the sender has no name for it.
const SAME: i64 = 600;

/// What a sender has told, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which delivery it is. A repetition has the same.
    pub id: DeliveryId,
    /// What is told.
    pub kind: Kind,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That the sender can reach us.
    Ping,
    /// That branches or tags were moved: one of most senders, several of Bitbucket.
    Pushes(Vec<Push>),
    /// Something for people to read.
    Note(Note),
    /// Something that concerns nobody here.
    Ignored {
        /// What it is, in words.
        why: String,
    },
}

/// Something for people to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub title: Option<String>,
    /// What is said.
    pub message: Option<String>,
    /// How bad it is, in the words of the sender.
    pub severity: Option<String>,
}

/// Which delivery it is: letters, digits, `-` and `_`, so that it can be a part of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(Box<str>);

impl DeliveryId {
    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the name that the sender has for a delivery. Where the sender has none it is the body and the
    /// time: the same body is the same delivery for ten minutes.
    pub(crate) fn read(
        headers: &HeaderMap,
        manner: &Manner,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Self, Refused> {
        let of_body = || {
            let since = now.timestamp().div_euclid(SAME);
            Self(format!("{}-{since}", hex(&Sha256::digest(body))).into())
        };
        for header in &manner.delivery {
            match header::said(headers, header)? {
                Some(id) if id.bytes().all(is_part) => return Ok(Self(id.into())),
                Some(_) => {
                    return Err(Refused::Header { header: header.clone(), fault: Fault::Odd });
                }
                None => {}
            }
        }
        match manner.delivery.last() {
            Some(header) if !manner.may_have_no_id => {
                Err(Refused::Header { header: header.clone(), fault: Fault::Missing })
            }
            Some(_) | None => Ok(of_body()),
        }
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
