//! What a guest is given by name: what is set of its features, and its secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use phoenix_domain::Setting;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use super::lenient::Label;

/// An object whose keys are no words of ours, and each of which is written once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Named<T>(pub(crate) BTreeMap<String, Option<T>>);

/// What a parameter of a feature is set to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawSetting(pub(crate) Setting);

impl<T> FromIterator<(String, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(members: I) -> Self {
        Self(members.into_iter().map(|(name, value)| (name, Some(value))).collect())
    }
}

impl<T> Named<T> {
    /// Returns what is given; `null` is nothing.
    pub(crate) fn given(self) -> impl Iterator<Item = (String, T)> {
        self.0.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Names<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(de::Error::custom("a key is written twice"));
                    }
                }
                Ok(Named(members))
            }
        }

        deserializer.deserialize_map(Names(PhantomData))
    }
}

impl<'de> Deserialize<'de> for RawSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = RawSetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, a truth value or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawSetting, E> {
                Ok(RawSetting(Setting::Text(text.into())))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<RawSetting, E> {
                Ok(RawSetting(Setting::Truth(truth)))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<RawSetting, E> {
                Ok(RawSetting(Setting::Number(number)))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<RawSetting, E> {
                match i64::try_from(number) {
                    Ok(number) => self.visit_i64(number),
                    Err(_) => Err(E::custom("no parameter takes a number of this size")),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawSetting, A::Error> {
                let mut list = Vec::new();
                while let Some(Label(text)) = seq.next_element()? {
                    list.push(text.into_boxed_str());
                }
                Ok(RawSetting(Setting::List(list)))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl Serialize for RawSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Setting::Text(text) => serializer.serialize_str(text),
            Setting::Number(number) => serializer.serialize_i64(*number),
            Setting::Truth(truth) => serializer.serialize_bool(*truth),
            Setting::List(list) => list.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}ByName", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <BTreeMap<String, Option<T>>>::json_schema(generator)
    }
}

impl JsonSchema for RawSetting {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a text, a whole number, a truth value or a list of texts",
            "type": ["string", "integer", "boolean", "array"],
            "items": generator.subschema_for::<Label>(),
        })
    }
}
