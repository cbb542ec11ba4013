//! Where a secret is kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Refused, SecretName};

/// Where a secret is kept, and never what it is: `secret://phoenix/prod/redis`, or one key of what
/// is kept there, `secret://phoenix/prod/redis#password`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretRef {
    name: SecretName,
    key: Option<Box<str>>,
}

impl SecretRef {
    /// Returns the name it is kept under, without a key.
    pub fn name(&self) -> &SecretName {
        &self.name
    }

    /// Returns which of the values that are kept there is meant, where it is one of several.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl FromStr for SecretRef {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        // What is no reference may be the secret itself, so the refusal does not repeat it.
        let silently = |refused: Refused| Refused { value: "***".to_owned(), ..refused };
        let whole: SecretName = text.parse().map_err(silently)?;
        Ok(match whole.as_str().split_once('#') {
            Some((name, key)) => {
                Self { name: name.parse().map_err(silently)?, key: Some(key.into()) }
            }
            None => Self { name: whole, key: None },
        })
    }
}

impl TryFrom<String> for SecretRef {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}#{key}", self.name),
            None => self.name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_name_and_a_key_and_is_written_as_it_was_read() {
        for (text, name, key) in [
            ("secret://phoenix/prod/hf_token", "secret://phoenix/prod/hf_token", None),
            (
                "secret://phoenix/prod/redis#password",
                "secret://phoenix/prod/redis",
                Some("password"),
            ),
        ] {
            let reference: SecretRef = text.parse().unwrap();

            assert_eq!((reference.name().as_str(), reference.key()), (name, key));
            assert_eq!(serde_json::to_value(&reference).unwrap(), text);
            assert_eq!(serde_json::from_value::<SecretRef>(text.into()).unwrap(), reference);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_without_being_repeated() {
        for text in ["c4nary", "secret://c4nary#", "secret://c4nary#a#b", "secret://../c4nary"] {
            let refused = text.parse::<SecretRef>().unwrap_err();
            let unread = serde_json::from_value::<SecretRef>(text.into()).unwrap_err();

            assert!(!format!("{refused:?} {refused} {unread}").contains("c4nary"), "{text}");
        }
    }
}
