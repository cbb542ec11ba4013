//! One file of guests, taken apart in a single pass: its head and the text of each guest.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::members::{Member, Members};

/// A file of guests, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    /// The members besides the guests, as JSON of their own.
    pub(crate) head: String,
    /// The guests.
    pub(crate) guests: Guests<'a>,
}

/// The guests of a file as they are written.
#[derive(Clone, Debug, Default)]
pub(crate) enum Guests<'a> {
    /// There are none.
    #[default]
    Absent,
    /// A list; each guest says its number itself.
    List(Vec<&'a RawValue>),
    /// A map by number.
    Map(Members<'a>),
    /// Neither a list nor a map.
    Neither,
}

/// A parser's error and where it is.
pub(crate) type ParseError = serde_json::Error;

impl<'a> Document<'a> {
    /// Takes a file apart whose guests stand under `guests_key`.
    pub(crate) fn take_apart(json: &'a str, guests_key: &str) -> Result<Self, ParseError> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let document = deserializer.deserialize_map(TopLevel { guests_key })?;
        deserializer.end()?;
        Ok(document)
    }
}

struct TopLevel<'k> {
    guests_key: &'k str,
}

impl<'de> Visitor<'de> for TopLevel<'_> {
    type Value = Document<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document<'de>, A::Error> {
        let mut head = String::from("{");
        let mut guests = Guests::Absent;
        while let Some(key) = map.next_key::<&'de RawValue>()? {
            if key.get().trim_matches('"') == self.guests_key {
                guests = map.next_value()?;
                continue;
            }
            let value = map.next_value::<&'de RawValue>()?;
            if head.len() > 1 {
                head.push(',');
            }
            head.push_str(key.get());
            head.push(':');
            head.push_str(value.get());
        }
        head.push('}');
        Ok(Document { head, guests })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Guests<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyGuests)
    }
}

struct AnyGuests;

impl<'de> Visitor<'de> for AnyGuests {
    type Value = Guests<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("guests")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Guests<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry()? {
            members.push(Member { key, value });
        }
        Ok(Guests::Map(Members(members)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Guests<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(Guests::List(list))
    }

    fn visit_unit<E>(self) -> Result<Guests<'de>, E> {
        Ok(Guests::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Guests<'de>, E> {
        Ok(Guests::Neither)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Guests<'de>, E> {
        Ok(Guests::Neither)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Guests<'de>, E> {
        Ok(Guests::Neither)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Guests<'de>, E> {
        Ok(Guests::Neither)
    }

    fn visit_str<E>(self, _: &str) -> Result<Guests<'de>, E> {
        Ok(Guests::Neither)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Guests<'de>, D::Error> {
        IgnoredAny::deserialize(d).map(|_| Guests::Neither)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_apart_whatever_its_guests_are() {
        let map =
            Document::take_apart(r#"{"a": 1, "g": {"900": {"x": []}}, "b": 2}"#, "g").unwrap();
        assert_eq!(map.head, r#"{"a":1,"b":2}"#);
        assert!(matches!(map.guests, Guests::Map(members) if members.0.len() == 1));
        let list = Document::take_apart(r#"{"g": [1, 2]}"#, "g").unwrap();
        assert!(matches!(list.guests, Guests::List(list) if list.len() == 2));
        for odd in ["1", "-1", "1.5", "true", "\"x\""] {
            let json = format!("{{\"g\": {odd}}}");
            let document = Document::take_apart(&json, "g").unwrap();
            assert!(matches!(document.guests, Guests::Neither), "{odd}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for odd in ["[]", "1", "{", "{}}", "{\"g\": {}", "null"] {
            assert!(Document::take_apart(odd, "g").is_err(), "{odd}");
        }
    }
}
