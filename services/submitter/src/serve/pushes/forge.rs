//! Tells a forge what became of a commit, in its own words.

use std::path::PathBuf;

use phoenix_bus::{CommitState, CommitStatus};
use phoenix_hooks::Repository;
use phoenix_post::address::{self, Plain};
use phoenix_post::{Key, Post, cut};
use phoenix_secrets::alone;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// What the status is called there.
const CONTEXT: &str = "phoenix";
/// The longest text that all of them take.
const LONGEST: usize = 140;

/// Where a forge is told, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStatus {
    kind: Kind,
    /// Where its API is, such as `https://api.github.com`.
    url: String,
    token_file: PathBuf,
    /// Where people find the page.
    link: String,
}

/// Which forge it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Github,
    Gitlab,
    Gitea,
    Forgejo,
    BitbucketCloud,
    BitbucketDataCenter,
}

/// Where a forge is told, and with what.
#[derive(Clone, Debug)]
pub(super) struct Forge {
    kind: Kind,
    url: Url,
    /// The path of the repository, as the forge has it: `acme/fleet`.
    path: String,
    key: Key,
    token: SecretString,
    link: Url,
}

impl RawStatus {
    /// Reads it, or says everything that is wrong with it, behind the field.
    pub(super) fn read(self, repository: &Repository) -> Result<Forge, Vec<String>> {
        let mut wrong = Vec::new();
        let url = address::read(&self.url, Plain::Private);
        let link = address::read(&self.link, Plain::Anywhere);
        for (field, read) in [("url", &url), ("link", &link)] {
            wrong.extend(
                read.as_ref().err().map(|(what, help)| format!("{field}`: {what}; {help}")),
            );
        }
        let token = alone(&self.token_file);
        let token = token.map_err(|err| format!("token_file`: {err}; {}", err.advice()));
        let token = token.and_then(|token| {
            let token = token.expose_secret().trim().to_owned();
            let is_sendable =
                !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
            let not = "token_file`: it is no token; write it on one line, and nothing else";
            if is_sendable { Ok(SecretString::from(token)) } else { Err(not.to_owned()) }
        });
        let path = repository.as_str().split_once('/').map_or("", |(_, path)| path).to_owned();
        match (url, link, token) {
            (Ok(url), Ok(link), Ok(token)) => {
                let key = self.kind.key(token.clone());
                Ok(Forge { kind: self.kind, url, path, key, token, link })
            }
            (_, _, token) => {
                wrong.extend(token.err());
                Err(wrong)
            }
        }
    }
}

impl Kind {
    fn key(self, token: SecretString) -> Key {
        let named = |name, word| Key::Named(name, word, token.clone());
        match self {
            Self::Gitlab => named(http::HeaderName::from_static("private-token"), ""),
            Self::Gitea | Self::Forgejo => named(http::header::AUTHORIZATION, "token "),
            Self::Github | Self::BitbucketCloud | Self::BitbucketDataCenter => Key::Token(token),
        }
    }

    fn state(self, state: CommitState) -> &'static str {
        match (self, state) {
            (Self::Github | Self::Gitlab | Self::Gitea | Self::Forgejo, CommitState::Pending) => {
                "pending"
            }
            (Self::Github | Self::Gitlab | Self::Gitea | Self::Forgejo, CommitState::Success) => {
                "success"
            }
            (Self::Github | Self::Gitea | Self::Forgejo, CommitState::Failure) => "failure",
            (Self::Gitlab, CommitState::Failure) => "failed",
            (Self::BitbucketCloud | Self::BitbucketDataCenter, CommitState::Pending) => {
                "INPROGRESS"
            }
            (Self::BitbucketCloud | Self::BitbucketDataCenter, CommitState::Success) => {
                "SUCCESSFUL"
            }
            (Self::BitbucketCloud | Self::BitbucketDataCenter, CommitState::Failure) => "FAILED",
        }
    }
}

impl Forge {
    /// Returns a status as it is posted.
    pub(super) fn post(&self, status: &CommitStatus) -> Post {
        Post::json(&self.at(&status.commit), Some(&self.key), &self.body(status))
    }

    /// Returns what the other side said without what lets us in.
    pub(super) fn veiled(&self, said: &str) -> String {
        said.replace(self.token.expose_secret(), "***")
    }

    fn at(&self, commit: &str) -> Url {
        let path = &self.path;
        match self.kind {
            Kind::Github => address::below(&self.url, &format!("repos/{path}/statuses/{commit}")),
            // The whole path is one part of the address.
            Kind::Gitlab => {
                let path = path.replace('/', "%2F");
                address::below(&self.url, &format!("api/v4/projects/{path}/statuses/{commit}"))
            }
            Kind::Gitea | Kind::Forgejo => {
                address::below(&self.url, &format!("api/v1/repos/{path}/statuses/{commit}"))
            }
            Kind::BitbucketCloud => {
                let at = format!("2.0/repositories/{path}/commit/{commit}/statuses/build");
                address::below(&self.url, &at)
            }
            Kind::BitbucketDataCenter => {
                let (project, slug) = path.rsplit_once('/').unwrap_or(("", path));
                let project = project.rsplit('/').next().unwrap_or_default();
                let at = format!(
                    "rest/api/latest/projects/{project}/repos/{slug}/commits/{commit}/builds"
                );
                address::below(&self.url, &at)
            }
        }
    }

    fn body(&self, status: &CommitStatus) -> Value {
        let (state, text) = (self.kind.state(status.state), cut(&status.text, LONGEST));
        let mut link = self.link.clone();
        let guest = status.guest.map(|guest| guest.to_string());
        link.set_fragment(guest.as_deref());
        match self.kind {
            Kind::Github | Kind::Gitlab | Kind::Gitea | Kind::Forgejo => json!({
                "state": state, "target_url": link.as_str(), "description": text, "context": CONTEXT,
            }),
            Kind::BitbucketCloud | Kind::BitbucketDataCenter => json!({
                "key": CONTEXT, "name": CONTEXT, "state": state, "url": link.as_str(), "description": text,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn forge(kind: &str, url: &str, repository: &str) -> Result<Forge, Vec<String>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "t0ken-of-the-forge\n").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let raw = json!({
            "kind": kind, "url": url, "token_file": file.path(), "link": "https://phoenix.example.org/",
        });
        serde_json::from_value::<RawStatus>(raw).unwrap().read(&repository.parse().unwrap())
    }

    fn said(kind: &str, url: &str, state: CommitState) -> String {
        let status = CommitStatus {
            commit: "c0ffee".to_owned(),
            state,
            text: "1 guest as wanted".to_owned(),
            guest: Some(950_u64.try_into().unwrap()),
            since: chrono::DateTime::UNIX_EPOCH,
            is_told: false,
        };
        let post = forge(kind, url, "git.lan/acme/fleet").unwrap().post(&status);
        let header = ["authorization", "private-token"]
            .into_iter()
            .find_map(|name| Some(format!("{name}: {}", post.headers.get(name)?.to_str().ok()?)));
        format!(
            "POST {}\n{}\n{}\n",
            post.url,
            header.unwrap(),
            String::from_utf8(post.body).unwrap()
        )
    }

    #[test]
    fn each_forge_is_told_in_its_own_words() {
        let mut all = String::new();
        for (kind, url, state) in [
            ("github", "https://api.github.com", CommitState::Failure),
            ("gitlab", "https://gitlab.com", CommitState::Failure),
            ("gitea", "https://git.lan", CommitState::Pending),
            ("forgejo", "https://git.lan/forge", CommitState::Success),
            ("bitbucket-cloud", "https://api.bitbucket.org", CommitState::Success),
            ("bitbucket-data-center", "https://git.lan", CommitState::Pending),
        ] {
            all.push_str(&said(kind, url, state));
        }
        insta::assert_snapshot!(all, @r#"
        POST https://api.github.com/repos/acme/fleet/statuses/c0ffee
        authorization: Bearer t0ken-of-the-forge
        {"context":"phoenix","description":"1 guest as wanted","state":"failure","target_url":"https://phoenix.example.org/#950"}
        POST https://gitlab.com/api/v4/projects/acme%2Ffleet/statuses/c0ffee
        private-token: t0ken-of-the-forge
        {"context":"phoenix","description":"1 guest as wanted","state":"failed","target_url":"https://phoenix.example.org/#950"}
        POST https://git.lan/api/v1/repos/acme/fleet/statuses/c0ffee
        authorization: token t0ken-of-the-forge
        {"context":"phoenix","description":"1 guest as wanted","state":"pending","target_url":"https://phoenix.example.org/#950"}
        POST https://git.lan/forge/api/v1/repos/acme/fleet/statuses/c0ffee
        authorization: token t0ken-of-the-forge
        {"context":"phoenix","description":"1 guest as wanted","state":"success","target_url":"https://phoenix.example.org/#950"}
        POST https://api.bitbucket.org/2.0/repositories/acme/fleet/commit/c0ffee/statuses/build
        authorization: Bearer t0ken-of-the-forge
        {"description":"1 guest as wanted","key":"phoenix","name":"phoenix","state":"SUCCESSFUL","url":"https://phoenix.example.org/#950"}
        POST https://git.lan/rest/api/latest/projects/acme/repos/fleet/commits/c0ffee/builds
        authorization: Bearer t0ken-of-the-forge
        {"description":"1 guest as wanted","key":"phoenix","name":"phoenix","state":"INPROGRESS","url":"https://phoenix.example.org/#950"}
        "#);
    }

    #[test]
    fn a_token_goes_to_no_address_that_others_can_listen_to() {
        let wrong = forge("gitea", "http://git.example.org", "git.lan/a/b").unwrap_err();
        assert!(wrong.len() == 1 && wrong[0].starts_with("url`"), "{wrong:?}");
        let groups = forge("gitlab", "https://gitlab.com", "gitlab.com/a/b/c").unwrap();
        assert!(groups.at("c").as_str().contains("/projects/a%2Fb%2Fc/statuses/"));
        assert!(!format!("{groups:?}").contains("t0ken"));
        assert_eq!(groups.veiled("no t0ken-of-the-forge"), "no ***");
    }
}
