//! Tells a forge what became of a commit, in its own words.

use phoenix_bus::{CommitState, CommitStatus};
use phoenix_hooks::{ForgeKind, RawStatus, Repository};
use phoenix_post::address::{self, Plain};
use phoenix_post::{Key, Post, cut};
use phoenix_secrets::alone;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

/// What the status is called there.
const CONTEXT: &str = "phoenix";
/// The longest text that all of them take.
const LONGEST: usize = 140;

/// Where a forge is told, and with what.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Forge {
    kind: ForgeKind,
    url: Url,
    /// The path of the repository, as the forge has it: `acme/fleet`.
    path: String,
    key: Key,
    token: SecretString,
    link: Url,
}

impl Forge {
    /// Opens what lets us in, or says everything that is wrong with a forge, behind the field.
    pub(in crate::serve) fn open(
        status: &RawStatus,
        repository: &Repository,
    ) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let url = address::read(&status.url, Plain::Private);
        let link = address::read(&status.link, Plain::Anywhere);
        for (field, read) in [("url", &url), ("link", &link)] {
            wrong.extend(
                read.as_ref().err().map(|(what, help)| format!("{field}`: {what}; {help}")),
            );
        }
        let token = alone(&status.token_file);
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
                let (kind, key) = (status.kind, key(status.kind, &token));
                Ok(Self { kind, url, path, key, token, link })
            }
            (_, _, token) => {
                wrong.extend(token.err());
                Err(wrong)
            }
        }
    }

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
            ForgeKind::Github => {
                address::below(&self.url, &format!("repos/{path}/statuses/{commit}"))
            }
            // The whole path is one part of the address.
            ForgeKind::Gitlab => {
                let path = path.replace('/', "%2F");
                address::below(&self.url, &format!("api/v4/projects/{path}/statuses/{commit}"))
            }
            ForgeKind::Gitea | ForgeKind::Forgejo => {
                address::below(&self.url, &format!("api/v1/repos/{path}/statuses/{commit}"))
            }
            ForgeKind::BitbucketCloud => {
                let at = format!("2.0/repositories/{path}/commit/{commit}/statuses/build");
                address::below(&self.url, &at)
            }
            ForgeKind::BitbucketDataCenter => {
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
        let (state, text) = (state(self.kind, status.state), cut(&status.text, LONGEST));
        let mut link = self.link.clone();
        let guest = status.guest.map(|guest| guest.to_string());
        link.set_fragment(guest.as_deref());
        match self.kind {
            ForgeKind::Github | ForgeKind::Gitlab | ForgeKind::Gitea | ForgeKind::Forgejo => {
                json!({
                    "state": state, "target_url": link.as_str(), "description": text, "context": CONTEXT,
                })
            }
            ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter => json!({
                "key": CONTEXT, "name": CONTEXT, "state": state, "url": link.as_str(), "description": text,
            }),
        }
    }
}

/// Returns what lets us in, as this kind of forge is shown it.
fn key(kind: ForgeKind, token: &SecretString) -> Key {
    let named = |name, word| Key::Named(name, word, token.clone());
    match kind {
        ForgeKind::Gitlab => named(http::HeaderName::from_static("private-token"), ""),
        ForgeKind::Gitea | ForgeKind::Forgejo => named(http::header::AUTHORIZATION, "token "),
        ForgeKind::Github | ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter => {
            Key::Token(token.clone())
        }
    }
}

/// Returns how a commit stands, in the words of this kind of forge.
fn state(kind: ForgeKind, state: CommitState) -> &'static str {
    match (kind, state) {
        (
            ForgeKind::Github | ForgeKind::Gitlab | ForgeKind::Gitea | ForgeKind::Forgejo,
            CommitState::Pending,
        ) => "pending",
        (
            ForgeKind::Github | ForgeKind::Gitlab | ForgeKind::Gitea | ForgeKind::Forgejo,
            CommitState::Success,
        ) => "success",
        (ForgeKind::Github | ForgeKind::Gitea | ForgeKind::Forgejo, CommitState::Failure) => {
            "failure"
        }
        (ForgeKind::Gitlab, CommitState::Failure) => "failed",
        (ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter, CommitState::Pending) => {
            "INPROGRESS"
        }
        (ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter, CommitState::Success) => {
            "SUCCESSFUL"
        }
        (ForgeKind::BitbucketCloud | ForgeKind::BitbucketDataCenter, CommitState::Failure) => {
            "FAILED"
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
        Forge::open(&serde_json::from_value(raw).unwrap(), &repository.parse().unwrap())
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
