//! Walking JSON text without building a tree of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One member of an object: its key and value as they stand in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// The key, in its quotes.
    pub(crate) key: &'a RawValue,
    /// The value.
    pub(crate) value: &'a RawValue,
}

impl<'a> Member<'a> {
    /// Returns the key as text, escapes resolved.
    pub(crate) fn key(&self) -> Cow<'a, str> {
        let quoted = self.key.get();
        match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
            _ => Cow::Owned(serde_json::from_str(quoted).unwrap_or_default()),
        }
    }

    /// Returns the key with its quotes, as it stands in the text.
    pub(crate) fn quoted_key(&self) -> &'a str {
        self.key.get()
    }
}

/// The members of an object in the order in which they are written, repetitions included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<'a>(pub(crate) Vec<Member<'a>>);

/// The elements of an array.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elements<'a>(pub(crate) Vec<&'a RawValue>);

impl<'a> Members<'a> {
    /// Reads the members of an object; anything else has none.
    pub(crate) fn of(json: &'a str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// Returns the last member with this key: the one that parsers take.
    pub(crate) fn find(&self, key: &str) -> Option<Member<'a>> {
        self.0.iter().rev().copied().find(|member| member.key() == key)
    }
}

impl<'a> Elements<'a> {
    /// Reads the elements of an array; anything else has none.
    pub(crate) fn of(json: &'a str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;

        impl<'de> Visitor<'de> for Walk {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry()? {
                    members.push(Member { key, value });
                }
                Ok(Members(members))
            }

            fn visit_unit<E>(self) -> Result<Members<'de>, E> {
                Ok(Members::default())
            }
        }

        deserializer.deserialize_any(Walk)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;

        impl<'de> Visitor<'de> for Walk {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }

        deserializer.deserialize_seq(Walk)
    }
}

/// Returns where `part` stands in `whole`, which it was cut from.
pub(crate) fn offset_in(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_their_repetitions_and_their_places() {
        let text = r#" {"a": [1, {"b": 2}], "c\"d": "x", "a": null} "#;
        let members = Members::of(text);
        let keys: Vec<_> = members.0.iter().map(|member| member.key().into_owned()).collect();
        assert_eq!(keys, ["a", "c\"d", "a"]);
        assert_eq!(members.find("a").unwrap().value.get(), "null");
        assert_eq!(offset_in(text, members.0[1].quoted_key()), text.find(r#""c\"#).unwrap());
    }
}
