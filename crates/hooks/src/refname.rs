//! What was pushed to, and which commits it names.

use std::fmt;
use std::str::FromStr;

use phoenix_domain::Refused;

/// The longest name git can keep as a file.
const LONGEST: usize = 250;

/// A branch or a tag, without `refs/heads/` or `refs/tags/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefName {
    /// A branch.
    Branch(Box<str>),
    /// A tag.
    Tag(Box<str>),
}

/// The name of a commit: 40 or 64 hexadecimal digits in lower case, of which one is not 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitId(Box<str>);

impl RefName {
    /// Reads `refs/heads/main`. There are other refs, which nobody deploys: they are none of these.
    pub fn read(full: &str) -> Option<Result<Self, Refused>> {
        if let Some(name) = full.strip_prefix("refs/heads/") {
            return Some(Self::branch(name));
        }
        full.strip_prefix("refs/tags/").map(Self::tag)
    }

    /// Makes a branch of its name.
    pub fn branch(name: &str) -> Result<Self, Refused> {
        accepted(name).map(Self::Branch)
    }

    /// Makes a tag of its name.
    pub fn tag(name: &str) -> Result<Self, Refused> {
        accepted(name).map(Self::Tag)
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
        }
    }
}

/// Refuses what git refuses, and what a program could take for an option.
fn accepted(name: &str) -> Result<Box<str>, Refused> {
    let is_odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let is_part = |part: &str| {
        let is_locked = part.strip_suffix("lock").is_some_and(|rest| rest.ends_with('.'));
        !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !is_locked
    };
    let is_name = (1..=LONGEST).contains(&name.len())
        && !name.starts_with('-')
        && !name.contains(is_odd)
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && name.split('/').all(is_part);
    if is_name {
        return Ok(name.into());
    }
    Err(Refused::new(
        name,
        "the name of a branch or tag",
        "git says what is: `git check-ref-format`",
    ))
}

impl CommitId {
    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads one where there may be none, which senders write as zeros.
    pub(crate) fn read(text: &str) -> Result<Option<Self>, Refused> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !matches!(text.len(), 40 | 64) || !text.bytes().all(is_digit) {
            let rule = "a commit is 40 or 64 hexadecimal digits, in lower case";
            return Err(Refused::new(text, "a commit", rule));
        }
        Ok(text.bytes().any(|digit| digit != b'0').then(|| Self(text.into())))
    }
}

impl FromStr for CommitId {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        Self::read(text)?.ok_or_else(|| Refused::new(text, "a commit", "zeros stand for none"))
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_branches_and_tags_are_read() {
        assert_eq!(RefName::read("refs/heads/a/b").unwrap().unwrap().to_string(), "branch a/b");
        assert_eq!(RefName::read("refs/tags/v1").unwrap(), Ok(RefName::Tag("v1".into())));
        for other in ["main", "refs/notes/commits", "refs/pull/1/head", "heads/main", ""] {
            assert_eq!(RefName::read(other), None, "{other}");
        }
    }

    #[test]
    fn what_git_would_not_have_is_no_branch() {
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "a b",
            "a..b",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a/.b",
            "a.",
            "a.lock",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "a@{1}",
            "@",
            "a\n",
            "a\u{7f}",
        ] {
            assert!(RefName::branch(bad).is_err(), "{bad}");
        }
        for good in ["main", "release/1.2", "über", "a@b", "lock", "a-b_c+d"] {
            assert!(RefName::branch(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn zeros_are_no_commit() {
        assert_eq!(CommitId::read(&"0".repeat(40)), Ok(None));
        assert!("0".repeat(64).parse::<CommitId>().is_err());
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<CommitId>().is_ok());
        for bad in ["", "0123456", &"A".repeat(40), &"g".repeat(40), &"a".repeat(41)] {
            assert!(CommitId::read(bad).is_err(), "{bad}");
        }
    }
}
