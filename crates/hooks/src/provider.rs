//! Who sends to a source. It is said once, and never told from what arrives.

use std::fmt;

use http::HeaderName;
use serde::{Deserialize, Deserializer, de};

/// Who sends to a source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// GitHub, of whatever house.
    Github,
    /// GitLab, with a secret token or a signing token.
    Gitlab,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
    /// bitbucket.org.
    BitbucketCloud,
    /// Bitbucket on machines of one's own.
    BitbucketDataCenter,
    /// Whoever keeps to Standard Webhooks.
    StandardWebhooks,
    /// A program of one's own, that signs with HMAC-SHA256.
    GenericHmac(Box<Generic>),
    /// The notifications of Proxmox, which show a token.
    Proxmox,
}

/// How a program of one's own signs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Generic {
    /// The header with the signature.
    #[serde(deserialize_with = "name")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub header: HeaderName,
    /// What is signed with.
    pub algorithm: Algorithm,
    /// How the signature is written.
    pub encoding: Encoding,
    /// What stands before it.
    #[serde(default)]
    pub prefix: String,
    /// The header with the name of the delivery, which a repetition has again.
    #[serde(default, deserialize_with = "maybe")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub delivery: Option<HeaderName>,
    /// The header with the time in seconds since 1970. Where there is one, it is signed too: time, `.`, body.
    #[serde(default, deserialize_with = "maybe")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub timestamp: Option<HeaderName>,
}

/// What is signed with; there is nothing else that is still safe and in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Sha256,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal digits, in lower case.
    Hex,
    /// Base64 with padding.
    Base64,
}

impl Provider {
    /// Returns its name, as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::BitbucketCloud => "bitbucket-cloud",
            Self::BitbucketDataCenter => "bitbucket-data-center",
            Self::StandardWebhooks => "standard-webhooks",
            Self::GenericHmac(_) => "generic-hmac",
            Self::Proxmox => "proxmox",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| de::Error::custom(format!("`{text}` is no name of a header")))
}

fn maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    name(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_read_by_the_name_it_shows() {
        for name in [
            "github",
            "gitlab",
            "gitea",
            "forgejo",
            "bitbucket-cloud",
            "bitbucket-data-center",
            "standard-webhooks",
            "proxmox",
        ] {
            let provider: Provider = serde_json::from_value(name.into()).unwrap();
            assert_eq!(provider.to_string(), name);
        }
    }

    #[test]
    fn a_generic_sender_says_how_it_signs_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Provider>(text);
        let good = r#"{"generic-hmac": {"header": "X-Signature", "algorithm": "sha256", "encoding": "hex",
            "prefix": "sha256=", "timestamp": "X-Time"}}"#;

        let provider = read(good).unwrap();

        let Provider::GenericHmac(generic) = &provider else { panic!("{provider}") };
        assert_eq!((generic.header.as_str(), provider.name()), ("x-signature", "generic-hmac"));
        assert_eq!(generic.delivery, None);
        for (from, to) in [
            ("sha256\"", "sha1\""),
            ("X-Signature", "X Signature"),
            ("\"hex\"", "\"binary\""),
            ("timestamp", "time"),
            ("X-Time", ""),
        ] {
            assert!(read(&good.replace(from, to)).is_err(), "{to}");
        }
    }
}
