//! Why a delivery is not taken, and what its sender is told.

use http::{HeaderName, StatusCode};
use thiserror::Error;

use crate::source::LIMIT;

/// Why a delivery is not taken. Its text is for the operator: it names headers and places, and never shows
/// a secret or what the body says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is more of it than anybody has to say.
    #[error("the body has {bytes} bytes, and at most {LIMIT} are read")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// What shows who sent it is missing.
    #[error("the header `{header}` is missing")]
    Unsigned {
        /// Where it should be.
        header: HeaderName,
    },
    /// The header is there, and nothing in it.
    #[error("the header `{header}` is empty")]
    Empty {
        /// Which.
        header: HeaderName,
    },
    /// The header is there more than once, so nobody can say which one counts.
    #[error("the header `{header}` is there more than once")]
    Several {
        /// Which.
        header: HeaderName,
    },
    /// It is signed in a way that can be forged.
    #[error("only `{header}` is there, which is SHA-1")]
    Weak {
        /// The header that was sent.
        header: HeaderName,
    },
    /// It is not signed with a secret of this source.
    #[error("what `{header}` says fits no secret of this source")]
    Wrong {
        /// Where it was looked for.
        header: HeaderName,
    },
    /// The time it was sent is none.
    #[error("the header `{header}` is no time in seconds")]
    Untimed {
        /// Which.
        header: HeaderName,
    },
    /// It was sent long ago, or will be.
    #[error("by `{header}` it was sent {seconds} s before now")]
    Untimely {
        /// Which.
        header: HeaderName,
        /// How long ago; less than nothing where it lies ahead.
        seconds: i64,
    },
    /// It is not of a kind that this sender sends.
    #[error("the body is {sent}, and this sender's is {wanted}")]
    MediaType {
        /// What it is said to be, as far as that can be shown.
        sent: String,
        /// What is read.
        wanted: &'static str,
    },
    /// A header that says what is told, or which delivery it is, cannot be used.
    #[error("the header `{header}` {fault}")]
    Header {
        /// Which.
        header: HeaderName,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The body says nothing that could be understood.
    #[error("the body is not understood: {what}")]
    Body {
        /// What is wrong, without what it says.
        what: String,
    },
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// There are several.
    #[error("is there more than once")]
    Several,
    /// It has characters that its sender does not send, or too many.
    #[error("holds what this sender does not send")]
    Odd,
}

impl Refused {
    /// Returns the status of the answer.
    pub fn status(&self) -> StatusCode {
        self.answer().0
    }

    /// Returns what the sender is told. Who has shown no secret learns nothing from it: neither what was
    /// wrong nor how near it was.
    pub fn told(&self) -> &'static str {
        self.answer().1
    }

    fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unsigned { .. }
            | Self::Empty { .. }
            | Self::Several { .. }
            | Self::Weak { .. }
            | Self::Wrong { .. }
            | Self::Untimed { .. }
            | Self::Untimely { .. } => (StatusCode::UNAUTHORIZED, "not authorised"),
            Self::Header { .. } | Self::Body { .. } => (StatusCode::BAD_REQUEST, "not understood"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too large"),
            Self::MediaType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "this content type is not taken")
            }
        }
    }

    /// Returns what the operator can do.
    pub fn advice(&self) -> String {
        match self {
            Self::TooLarge { .. } => {
                "have the sender tell less: pushes alone, without other events".to_owned()
            }
            Self::Unsigned { .. } | Self::Empty { .. } => {
                "give the sender the secret of this source; it has none".to_owned()
            }
            Self::Several { header } => format!(
                "find what adds a second `{header}`: a proxy in between, or a header of the sender's own"
            ),
            Self::Weak { .. } => {
                "take a sender that signs with SHA-256, or another provider for this source".to_owned()
            }
            Self::Wrong { .. } => "give the sender the secret of this source once more, and look whether \
                                   a proxy in between changes the body"
                .to_owned(),
            Self::Untimed { .. } => {
                "have the sender write seconds since 1970, in digits alone".to_owned()
            }
            Self::Untimely { .. } => {
                "compare the clocks of both machines; a delivery that was recorded is not taken again"
                    .to_owned()
            }
            Self::MediaType { wanted, .. } => format!("have the sender send {wanted}"),
            Self::Header { .. } | Self::Body { .. } => {
                "look whether this source has the provider that really sends".to_owned()
            }
        }
    }
}
