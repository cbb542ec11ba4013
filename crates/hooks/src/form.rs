//! What a body is, and what a form wraps up.

use std::borrow::Cow;

use http::{HeaderMap, header};

use crate::header::once;

/// The field of a form in which senders put what they have to say.
const FIELD: &str = "payload";

/// What a body is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Form,
    Text,
    /// Nothing is said.
    Unsaid,
    /// Something else, as far as it can be shown.
    Other(String),
}

impl Media {
    /// Reads what the headers say about the body.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let value = match once(headers, &header::CONTENT_TYPE) {
            Ok(Some(value)) => String::from_utf8_lossy(value),
            Ok(None) => return Self::Unsaid,
            Err(_) => return Self::Other("of several types".to_owned()),
        };
        let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" | "application/cloudevents+json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "text/plain" => Self::Text,
            "" => Self::Unsaid,
            other => Self::Other(other.chars().filter(char::is_ascii_graphic).take(64).collect()),
        }
    }

    /// Returns it as people read it.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Json => "application/json".to_owned(),
            Self::Form => "a form".to_owned(),
            Self::Text => "text/plain".to_owned(),
            Self::Unsaid => "of no type".to_owned(),
            Self::Other(other) => other,
        }
    }
}

/// Returns what a form wraps up, if it does so once.
pub(crate) fn payload(body: &[u8]) -> Option<Cow<'_, str>> {
    let mut fields = form_urlencoded::parse(body).filter(|(name, _)| name == FIELD);
    match (fields.next(), fields.next()) {
        (Some((_, payload)), None) => Some(payload),
        (None | Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_one_payload() {
        assert_eq!(payload(b"payload=%7B%22a%22%3A+1%7D").as_deref(), Some("{\"a\": 1}"));
        assert_eq!(payload(b"x=1&payload=%7B%7D&y=2").as_deref(), Some("{}"));
        for none in [&b""[..], b"payloads=1", b"payload=1&payload=1", b"Payload=1"] {
            assert_eq!(payload(none), None, "{}", String::from_utf8_lossy(none));
        }
    }

    #[test]
    fn what_a_body_is_does_not_hang_on_how_it_is_spelled() {
        let of = |text: &str| {
            Media::of(&HeaderMap::from_iter([(header::CONTENT_TYPE, text.parse().unwrap())]))
        };

        assert_eq!(of("Application/JSON; charset=UTF-8"), Media::Json);
        assert_eq!(of("application/x-www-form-urlencoded"), Media::Form);
        assert_eq!(of("text/html"), Media::Other("text/html".to_owned()));
        assert_eq!(Media::of(&HeaderMap::new()), Media::Unsaid);
    }
}
