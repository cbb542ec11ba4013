//! What is asked for: a secret, and perhaps one key of it.

use std::fmt;

use phoenix_domain::SecretName;

use crate::SecretError;

/// A secret as providers know it, and perhaps one key of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    name: String,
    key: Option<String>,
}

impl Reference {
    /// Takes a name with or without `secret://`, and a key beside it or behind its `#`.
    pub(crate) fn new(name: &SecretName, key: Option<&str>) -> Result<Self, SecretError> {
        Self::of(name.as_str(), key)
    }

    /// Paths and ARNs are made of it: what the type lets pass is looked at once more.
    fn of(text: &str, key: Option<&str>) -> Result<Self, SecretError> {
        let bare = text.strip_prefix("secret://").unwrap_or(text);
        let (bare, written) = match bare.split_once('#') {
            Some((bare, written)) => (bare, Some(written)),
            None => (bare, None),
        };
        let refused = |why| SecretError::Name { name: text.to_owned(), why };
        if bare.len() > 512 {
            return Err(refused("it has more than 512 characters"));
        }
        if bare.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refused("a part of it is empty, `.` or `..`"));
        }
        if !bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.+=@".contains(&byte)) {
            return Err(refused("it may have letters, digits and `/-_.+=@` only"));
        }
        let key = match (key, written) {
            (Some(_), Some(_)) => return Err(refused("it has a key, and another beside it")),
            (Some(key), None) | (None, Some(key)) => Some(key),
            (None, None) => None,
        };
        if key == Some("") {
            return Err(refused("its key is empty"));
        }
        Ok(Self { name: bare.to_owned(), key: key.map(ToOwned::to_owned) })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, "#{key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_however_its_key_is_written() {
        let with_hash: SecretName = "secret://phoenix/prod/redis#password".parse().unwrap();
        let without: SecretName = "secret://phoenix/prod/redis".parse().unwrap();

        let both = [
            Reference::new(&with_hash, None).unwrap(),
            Reference::new(&without, Some("password")).unwrap(),
        ];

        for reference in both {
            assert_eq!(
                (reference.name(), reference.key()),
                ("phoenix/prod/redis", Some("password"))
            );
        }
    }

    #[test]
    fn a_name_that_could_lead_elsewhere_is_refused() {
        for bad in ["secret://../a", "secret:///a", "secret://a//b", "secret://a/.", "secret://a#"]
        {
            assert!(Reference::of(bad, None).is_err(), "{bad}");
        }
        assert!(Reference::of("secret://a#b", Some("c")).is_err());
    }
}
