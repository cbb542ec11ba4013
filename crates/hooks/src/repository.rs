//! A repository, by one name however it is written.

use std::fmt;
use std::str::FromStr;

use phoenix_domain::Refused;
use url::{Host, Url};

/// A repository: `host/owner/name`, in lower case. Of GitLab there may be groups in between.
///
/// No sender that we know keeps two repositories apart by the case of their letters, and none by the
/// port: that differs with the way to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(Box<str>);

impl Repository {
    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes one of its address; `path` is what it is called there, if the address does not end with that.
    pub(crate) fn at(address: &str, path: &str) -> Result<Self, Refused> {
        let host = Self::parts(address).map(|(host, _)| host);
        host.and_then(|host| Self::of(&host, path)).ok_or_else(|| refused(address))
    }

    /// Takes an address apart: by https, by ssh, as git writes it, or without anything before the host.
    fn parts(text: &str) -> Option<(String, String)> {
        let text = text.trim();
        let url = match text.split_once("://") {
            Some(("https" | "http" | "ssh" | "git", _)) => text.to_owned(),
            Some(_) => return None,
            None => {
                // `git@host:owner/name`; but `host:8443/owner/name` has a port.
                let (before, after) = text.split_once(':').unwrap_or((text, ""));
                let is_port =
                    after.split('/').next().is_some_and(|port| port.parse::<u16>().is_ok());
                if after.is_empty() || before.contains('/') || is_port {
                    format!("https://{text}")
                } else {
                    format!("https://{before}/{after}")
                }
            }
        };
        // Hosts of ssh are no domains for url, and are not made equal.
        let url = url.split_once("://").map(|(_, rest)| format!("https://{rest}"))?;
        let url = Url::parse(&url).ok()?;
        let host = match url.host()? {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => format!("[{address}]"),
        };
        let is_bare = url.query().is_none() && url.fragment().is_none();
        is_bare.then(|| (host, url.path().to_owned()))
    }

    fn of(host: &str, path: &str) -> Option<Self> {
        let path = path.trim_matches('/').to_lowercase();
        let path = path.strip_suffix(".git").unwrap_or(&path);
        let is_name = |part: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_part)
        };
        let is_whole = path.contains('/') && path.split('/').all(is_name) && !host.is_empty();
        is_whole.then(|| Self(format!("{host}/{path}").into()))
    }
}

impl FromStr for Repository {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let parts = Self::parts(text);
        parts.and_then(|(host, path)| Self::of(&host, &path)).ok_or_else(|| refused(text))
    }
}

fn refused(text: &str) -> Refused {
    Refused::new(
        text,
        "a repository",
        "a repository is written `github.com/owner/name`, or as its address",
    )
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_repository_has_one_name() {
        for (name, spellings) in [
            (
                "github.com/acme/shop",
                &[
                    "github.com/acme/shop",
                    "GitHub.com/Acme/Shop",
                    "https://github.com/acme/shop.git",
                    "https://user:password@github.com:443/acme/shop/",
                    "http://github.com./acme/shop",
                    "git@github.com:acme/shop.git",
                    "ssh://git@GITHUB.com:22/acme/shop.git",
                    " git://github.com/acme/shop ",
                ][..],
            ),
            ("git.lan/a/b/c", &["https://git.lan:8443/a/b/c.git", "git.lan:8443/a/b/c"]),
            ("[fd00::1]/a/b", &["http://[fd00:0::1]:3000/a/b.git"]),
            ("xn--mnchen-3ya.de/a/b", &["münchen.de/a/b", "ssh://git@MÜNCHEN.de/a/b"]),
            ("bitbucket.lan/~ann/b", &["bitbucket.lan/~ann/b"]),
        ] {
            for spelling in spellings {
                assert_eq!(spelling.parse::<Repository>().unwrap().as_str(), name, "{spelling}");
            }
        }
    }

    #[test]
    fn what_names_no_repository_is_refused() {
        for bad in [
            "",
            "shop",
            "acme/shop",
            "https://github.com/",
            "github.com/shop",
            "file:///srv/git/shop",
            "github.com/acme/shop?x=1",
            "github.com/a b/c",
            "github.com/a%2fb/c/d",
            "github.com//c",
            "ext::sh -c x",
            "github.com/acme/.git",
        ] {
            let read = bad.parse::<Repository>();
            // What has two parts alone could be host and name; a name alone is nowhere.
            assert!(read.is_err(), "{bad}: {read:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_was_made_stays_the_same(text in "\\PC{0,60}|[a-z@:/.0-9~]{0,40}") {
            if let Ok(repository) = text.parse::<Repository>() {
                prop_assert_eq!(repository.as_str().parse::<Repository>().unwrap(), repository);
            }
        }
    }
}
