//! Names that Proxmox, the kernel or we ourselves restrict.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Refused;
use crate::job::sha256;

/// Makes a newtype around text that only exists when `$accepts` says so.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $rule:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Refused;

            fn try_from(text: String) -> Result<Self, Refused> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(&text) {
                    Ok(Self(text.into_boxed_str()))
                } else {
                    Err(Refused::new(text, $wanted, $rule))
                }
            }
        }

        impl FromStr for $name {
            type Err = Refused;

            fn from_str(text: &str) -> Result<Self, Refused> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// The host name of a guest, as `pct` and `qm` accept it.
    Hostname, "a host name",
    "a host name has labels of letters, digits and `-`, joined by `.`, none longer than 63 and all together at most 255 characters",
    is_dns_name
);
name!(
    /// The name of a Proxmox node.
    NodeName, "a node name",
    "a node name has letters, digits and `-`, at most 63 characters",
    is_dns_label
);
name!(
    /// The name of a channel by which people are called.
    ChannelName, "the name of a channel",
    "a channel has a name of lower-case letters, digits and `-`, begins with a letter, at most 40 characters",
    is_short_name
);
name!(
    /// The name of a source of webhooks. It is a part of an address and of a key, so it has no `.`.
    SourceName, "the name of a source",
    "a source has a name of lower-case letters, digits and `-`, begins with a letter, at most 40 characters",
    is_short_name
);
name!(
    /// The id of a Proxmox storage.
    StorageId, "a storage id",
    "a storage id begins with a letter and goes on with letters, digits, `-`, `_` or `.`",
    |text| starts_with_letter(text) && text.len() >= 2 && all(text, b"-_.")
);
name!(
    /// The name of a snapshot.
    SnapshotName, "a snapshot name",
    "a snapshot name has 2 to 40 letters, digits, `-` or `_`, begins with a letter and is not `current`",
    |text| starts_with_letter(text)
        && (2..=40).contains(&text.len())
        && all(text, b"-_")
        && text != "current"
);
name!(
    /// The name of a feature: a folder of the feature library.
    FeatureName, "a feature name",
    "a feature name has lower-case letters, digits and `_`, begins with a letter, at most 64 characters",
    |text| text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
);
name!(
    /// The name of a network bridge or of an SDN VNet, which is given in its place.
    BridgeName, "a bridge name",
    "a bridge name begins with a letter and has at most 15 letters, digits, `-`, `_` or `.`",
    |text| starts_with_letter(text) && text.len() <= 15 && all(text, b"-_.")
);
name!(
    /// The label of a volume.
    VolumeName, "a volume name",
    "a volume name has 1 to 64 letters, digits, `-`, `_` or `.`",
    |text| (1..=64).contains(&text.len()) && all(text, b"-_.")
);
name!(
    /// The name of an AppArmor profile of our own.
    ProfileName, "an AppArmor profile name",
    "a profile name has letters, digits, `-`, `_` or `.` and begins with a letter",
    |text| starts_with_letter(text) && all(text, b"-_.")
);
name!(
    /// The name of a user of Linux, as `useradd` takes it.
    LoginName, "a login name",
    "a login name has letters, digits, `-`, `_` or `.`, begins with a letter or `_`, at most 32 characters",
    |text| text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.len() <= 32
        && all(text, b"-_.")
);
name!(
    /// The name of a file in a folder of ours: no path leads out of it.
    FileName, "a file name",
    "a file name is relative, has no `..`, and consists of letters, digits, `-`, `_`, `.` and `/`",
    |text| !text.is_empty()
        && text.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && all(text, b"-_./+")
);
name!(
    /// The name of files that are brought along together: the SHA-256 of their archive, so that whoever
    /// has it sees whether it is whole.
    PackName, "the name of a pack", "a pack is named by the 64 digits of its SHA-256",
    |text| text.len() == 64
        && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
);
name!(
    /// A path from the root, without `.` or `..`.
    AbsolutePath, "an absolute path",
    "an absolute path begins with `/` and has no `.`, `..`, `,` or control character in it",
    |text| text.strip_prefix('/').is_some_and(|rest| {
        rest.trim_end_matches('/').split('/').all(|part| part != "." && part != "..")
            && !text.contains(|c: char| c.is_control() || c == ',')
    })
);
name!(
    /// The name of a secret, never its value: `secret://phoenix/prod/hf_token#key`.
    SecretName, "a reference to a secret",
    "a secret is referred to as `secret://path/of/the/secret`, with `#key` for one key of it",
    // Stores make paths of it, and nothing may lead out of them.
    |text| text.strip_prefix("secret://").is_some_and(|place| {
        let (path, key) = match place.split_once('#') {
            Some((path, key)) => (path, Some(key)),
            None => (place, None),
        };
        let is_word = |word: &str| !word.is_empty() && all(word, b"-_.+=@");
        path.split('/').all(|part| is_word(part) && part != "." && part != "..")
            && key.is_none_or(|key| key.split('/').all(is_word))
    })
);

impl PackName {
    /// Returns the name of this archive.
    pub fn of(archive: &[u8]) -> Self {
        Self(sha256(archive).into_boxed_str())
    }

    /// Returns the first characters, enough for people to tell two packs apart.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl AbsolutePath {
    /// Returns the path without slashes at its end, so that `/data/` and `/data` are one place.
    pub fn place(&self) -> &str {
        match self.0.trim_end_matches('/') {
            "" => "/",
            place => place,
        }
    }
}

fn is_dns_name(text: &str) -> bool {
    text.len() <= 255 && text.split('.').all(is_dns_label)
}

fn is_short_name(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && is_dns_label(text)
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && all(text, b"-")
}

fn starts_with_letter(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn all(text: &str, others: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

impl LoginName {
    /// Says whether an administrator of a host can be called so: by what `adduser` of Debian takes, and
    /// not `root`, who is there already.
    pub fn is_administrator(name: &str) -> bool {
        name.parse::<Self>().is_ok()
            && name.bytes().all(|byte| !byte.is_ascii_uppercase() && byte != b'.')
            && name != "root"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes<T: FromStr>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text} should be taken");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text} should be refused");
        }
    }

    #[test]
    fn names_are_what_proxmox_takes() {
        takes::<Hostname>(
            &["vllm-qwen2.5-7b-awq", "CT950"],
            &["", "web_1", "-a", "a-", "a..b", "ä"],
        );
        takes::<StorageId>(&["local-lvm", "quickOS-lxc-disks"], &["", "1st", "a:b", "x"]);
        takes::<SnapshotName>(
            &["pre-configured", "s1"],
            &["s", "1s", "current", "a b", &"s".repeat(41)],
        );
        takes::<FeatureName>(&["base_setup", "n8n"], &["", "Base", "a-b", "../x"]);
        takes::<BridgeName>(&["vmbr0", "vmbr0.10"], &["", "0br", "a-very-long-bridge"]);
        takes::<ChannelName>(
            &["oncall", "night-shift2"],
            &["", "On-call", "1st", "a_b", "a.b", "-a", "a-", &"a".repeat(41)],
        );
        takes::<SourceName>(
            &["fleet", "git-lan-2"],
            &["", "Fleet", "1st", "a_b", "a.b", "-a", "a-", &"a".repeat(41)],
        );
        takes::<LoginName>(
            &["ops", "_apt", "Ops.User-1"],
            &["", "Ops User", "-x", "1st", "a:b", "ä", &"u".repeat(33)],
        );
        takes::<FileName>(&["a.sh", "docker/check.sh"], &["", "/etc/x", "../x", "a//b", "a;b"]);
        takes::<AbsolutePath>(&["/", "/data", "/home/node/.n8n"], &["", "data", "/a/../b", "/a,b"]);
        takes::<SecretName>(
            &["secret://phoenix/prod/hf_token#key", "secret://x"],
            &[
                "hf_abc",
                "secret://",
                "secret://a b",
                "secret://a//b",
                "secret://../a",
                "secret://a#",
            ],
        );
    }

    #[test]
    fn a_slash_at_the_end_names_no_other_place() {
        let (with, without): (AbsolutePath, AbsolutePath) =
            ("/data/".parse().unwrap(), "/data".parse().unwrap());
        assert_eq!(with.place(), without.place());
    }

    #[test]
    fn an_administrator_is_called_as_adduser_takes_it() {
        for good in ["phoenix_admin", "heads", "_x", "a-1"] {
            assert!(LoginName::is_administrator(good), "{good}");
        }
        for bad in ["", "root", "-x", "a b", "Heads", "a\nb", "ALL", "a.b"] {
            assert!(!LoginName::is_administrator(bad), "{bad}");
        }
    }
}
