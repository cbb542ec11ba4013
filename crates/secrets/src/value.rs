//! From what a provider holds to the value that was asked for.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why what is there cannot be used. Nothing of what it holds is in here.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ValueError {
    /// Bytes that are no text.
    #[error("it is binary, and not UTF-8")]
    Binary,
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// A key was asked for, of something that has no keys.
    #[error("it is no JSON object, so that it has no key {key}")]
    NoKeys {
        /// The key.
        key: String,
    },
    /// It has other keys.
    #[error("it has no key {key}")]
    NoKey {
        /// The key.
        key: String,
    },
    /// It has the key twice, and nobody can say which is meant.
    #[error("it has the key {key} twice")]
    Twice {
        /// The key.
        key: String,
    },
    /// Neither text nor a number.
    #[error("it is `null`, a list, true or false, and no text")]
    NoText,
}

/// Why a text is no JSON object. It says where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Returns the text that these bytes are.
pub(crate) fn text(bytes: &[u8]) -> Result<SecretString, ValueError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ValueError::Binary)?;
    whole(text)
}

/// Returns the text of a file. People end a file with a line end, which is no part of a password; a
/// key of several lines is kept as it is, as some programs refuse one that does not end so.
pub(crate) fn line(bytes: &[u8]) -> Result<SecretString, ValueError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ValueError::Binary)?;
    let first = text.strip_suffix('\n').unwrap_or(text);
    let first = first.strip_suffix('\r').unwrap_or(first);
    whole(if first.contains('\n') { text } else { first })
}

/// Returns the text itself, unless there is none.
pub(crate) fn whole(text: &str) -> Result<SecretString, ValueError> {
    if text.is_empty() { Err(ValueError::Empty) } else { Ok(SecretString::from(text)) }
}

/// Returns one key of a secret that is a JSON object, or all of it.
pub(crate) fn pick(held: SecretString, key: Option<&str>) -> Result<SecretString, ValueError> {
    let Some(key) = key else { return Ok(held) };
    let members =
        members(held.expose_secret()).map_err(|_| ValueError::NoKeys { key: key.to_owned() })?;
    let found = member(&members, key)?.ok_or_else(|| ValueError::NoKey { key: key.to_owned() })?;
    plain(found)
}

/// Returns what stands under a key, which may be there once.
pub(crate) fn member<'a>(
    members: &[(Cow<'a, str>, &'a RawValue)],
    key: &str,
) -> Result<Option<&'a RawValue>, ValueError> {
    let mut those = members.iter().filter(|(name, _)| name == key).map(|&(_, value)| value);
    let first = those.next();
    if those.next().is_some() {
        return Err(ValueError::Twice { key: key.to_owned() });
    }
    Ok(first)
}

/// Returns a JSON value as text: a string is its content, a number and an object are as written.
pub(crate) fn plain(value: &RawValue) -> Result<SecretString, ValueError> {
    let written = value.get();
    match written.bytes().next() {
        Some(b'"') => {
            // It was read before, so that it is a string; what an escape stands for is not known.
            let text: Zeroizing<String> =
                Zeroizing::new(serde_json::from_str(written).map_err(|_| ValueError::NoText)?);
            whole(&text)
        }
        Some(b'{' | b'-' | b'0'..=b'9') => whole(written),
        Some(_) | None => Err(ValueError::NoText),
    }
}

/// Takes a JSON object apart, without copying what its keys hold.
pub(crate) fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, Malformed> {
    serde_json::from_str::<Members<'_>>(text)
        .map(|members| members.0)
        // Its text may quote what stands there.
        .map_err(|err| Malformed { line: err.line(), column: err.column() })
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Members<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            self.0.push((key, map.next_value()?));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(text: &str, key: &str) -> Result<String, ValueError> {
        pick(SecretString::from(text), Some(key)).map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn a_key_is_taken_out_of_an_object() {
        let text =
            r#"{"user": "app", "password": "p\"w\u00e4", "port": 5432, "tls": {"on": true}}"#;

        assert_eq!(picked(text, "password").unwrap(), "p\"wä");
        assert_eq!(picked(text, "port").unwrap(), "5432");
        assert_eq!(picked(text, "tls").unwrap(), r#"{"on": true}"#);
    }

    #[test]
    fn what_has_no_such_key_says_so() {
        let key = || "password".to_owned();

        for (text, why) in [
            ("plain", ValueError::NoKeys { key: key() }),
            ("[\"password\"]", ValueError::NoKeys { key: key() }),
            (r#"{"user": "app"}"#, ValueError::NoKey { key: key() }),
            (r#"{"password": "a", "password": "b"}"#, ValueError::Twice { key: key() }),
            (r#"{"password": null}"#, ValueError::NoText),
            (r#"{"password": ["a"]}"#, ValueError::NoText),
            (r#"{"password": ""}"#, ValueError::Empty),
        ] {
            assert_eq!(picked(text, "password"), Err(why), "{text}");
        }
    }

    #[test]
    fn the_line_end_of_a_file_is_no_part_of_a_password_but_of_a_key() {
        let pem = "-----BEGIN-----\nabc\n-----END-----\n";
        for (file, value) in
            [("pw\n", "pw"), ("pw\r\n", "pw"), ("pw", "pw"), (" pw ", " pw "), (pem, pem)]
        {
            assert_eq!(line(file.as_bytes()).unwrap().expose_secret(), value, "{file:?}");
        }
        assert_eq!(line(b"\n").unwrap_err(), ValueError::Empty);
        assert_eq!(line(b"\xff\xfe").unwrap_err(), ValueError::Binary);
    }
}
