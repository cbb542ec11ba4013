//! What is said of the repository that holds the configuration.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use phoenix_domain::SourceName;
use serde::Deserialize;
use url::Url;

use super::{RawSafely, RawSource, Safely, not_absolute};
use crate::refname::RefName;
use crate::repository::Repository;
use crate::rules::{RawWindow, Window};
use crate::wrong::{WrongField, note};

/// The minutes of a day.
const DAY: u64 = 24 * 60;

/// The repository that holds the configuration, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawFleet {
    /// The source that tells of pushes.
    pub source: String,
    /// The repository, as the source calls it: `github.com/owner/name`, or its address.
    pub repository: String,
    /// The branch that is deployed.
    pub branch: String,
    /// From where `git` fetches it.
    pub git: String,
    /// The folder with the configuration; the whole repository without this.
    #[serde(default)]
    pub folder: String,
    /// How often it is looked whether the branch was moved; never without this.
    #[serde(default)]
    pub poll_minutes: Option<u64>,
    /// When a commit is deployed; at once without this.
    #[serde(default)]
    pub window: Option<RawWindow>,
    /// Whether somebody has to agree before.
    #[serde(default)]
    pub approval: bool,
    /// How guests go back that fail; without this they do not.
    #[serde(default)]
    pub safely: Option<RawSafely>,
    /// Where the forge is told what became of a commit; nowhere without this.
    #[serde(default)]
    pub status: Option<RawStatus>,
}

/// Where a forge is told what became of a commit, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawStatus {
    /// Which forge it is.
    pub kind: ForgeKind,
    /// Where its API is, such as `https://api.github.com`.
    pub url: String,
    /// The file with a token that may write commit statuses.
    pub token_file: PathBuf,
    /// Where people find the page of `phoenix serve`.
    pub link: String,
}

/// Which forge it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ForgeKind {
    /// GitHub, of whatever house.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
    /// bitbucket.org.
    BitbucketCloud,
    /// Bitbucket on machines of one's own.
    BitbucketDataCenter,
}

/// The repository that holds the configuration.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The source that tells of pushes.
    pub source: SourceName,
    /// The repository, as the source calls it.
    pub repository: Repository,
    /// The branch that is deployed.
    pub branch: RefName,
    /// The same, without what says that it is a branch.
    pub branch_name: String,
    /// From where `git` fetches it.
    pub git: String,
    /// The folder with the configuration, without `/` at its ends.
    pub folder: String,
    /// How often it is looked whether the branch was moved.
    pub poll: Option<Duration>,
    /// When a commit is deployed.
    pub window: Option<Window>,
    /// Whether somebody has to agree before.
    pub approval: bool,
    /// How guests go back that fail.
    pub safely: Option<Safely>,
    /// Where the forge is told what became of a commit.
    pub status: Option<RawStatus>,
}

impl RawFleet {
    /// Reads it, or says everything that is wrong with it.
    pub(super) fn read(
        &self,
        sources: &BTreeMap<String, RawSource>,
    ) -> Result<Fleet, Vec<WrongField>> {
        let mut wrong = Vec::new();
        let source = note(&mut wrong, "source", self.source.parse::<SourceName>());
        if source.is_some() && !sources.contains_key(&self.source) {
            let what = format!("there is no source `{}`", self.source);
            wrong.push(WrongField::new("source", &what, "name one of `sources`"));
        }
        let repository = note(&mut wrong, "repository", self.repository.parse::<Repository>());
        let branch = note(&mut wrong, "branch", RefName::branch(&self.branch));
        if let Err((what, rule)) = address(&self.git) {
            wrong.push(WrongField::new("git", what, rule));
        }
        let folder = self.folder.trim_matches('/').to_owned();
        let is_part = |part| matches!(part, Component::Normal(_));
        if !Path::new(&folder).components().all(is_part) || folder.contains(':') {
            let what = format!("`{}` is no folder", self.folder);
            let rule = "a folder is named from the top of the repository, such as `prod`";
            wrong.push(WrongField::new("folder", &what, rule));
        }
        if let Some(minutes) = self.poll_minutes.filter(|minutes| !(1..=DAY).contains(minutes)) {
            let rule = "from 1 to 1440; leave it out, where nothing is to be asked";
            wrong.push(WrongField::new("poll_minutes", &minutes.to_string(), rule));
        }
        let within = |field: &'static str| {
            move |fields: Vec<WrongField>| {
                fields.into_iter().map(|one| one.within(field)).collect::<Vec<_>>()
            }
        };
        let window = self.window.as_ref().map(Window::read).transpose().map_err(within("window"));
        let safely = self.safely.as_ref().map(Safely::read).transpose().map_err(within("safely"));
        let token = self.status.as_ref().map(|status| &status.token_file);
        wrong.extend(token.and_then(|path| not_absolute("status.token_file", path)));
        match (source, repository, branch, window, safely) {
            (Some(source), Some(repository), Some(branch), Ok(window), Ok(safely))
                if wrong.is_empty() =>
            {
                Ok(Fleet {
                    source,
                    repository,
                    branch,
                    branch_name: self.branch.clone(),
                    git: self.git.clone(),
                    folder,
                    poll: self.poll_minutes.map(Duration::from_mins),
                    window,
                    approval: self.approval,
                    safely,
                    status: self.status.clone(),
                })
            }
            (_, _, _, window, safely) => {
                wrong.extend(window.err().into_iter().chain(safely.err()).flatten());
                Err(wrong)
            }
        }
    }
}

impl Fleet {
    /// Returns which repository, branch and folder it is, for those who note something about it.
    pub fn about(&self) -> String {
        format!("{} {} {}", self.repository, self.branch, self.folder)
    }
}

/// Refuses what `git` would take for something else, and what anybody on the way could change: what is
/// wrong with it, and what would be right.
fn address(text: &str) -> Result<(), (&'static str, &'static str)> {
    let none = (
        "no address that `git` is given",
        "it is `https://…`, `ssh://…`, `git@host:owner/name`, or the path of a folder",
    );
    if text.starts_with('-') || text.contains("::") || text.chars().any(char::is_control) {
        return Err(none);
    }
    if text.starts_with('/') {
        return Ok(());
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "ssh") => match url.password() {
            None => Ok(()),
            Some(_) => Err((
                "there is a password in it, which whoever lists processes would read",
                "take a deploy key, and `git@host:owner/name`",
            )),
        },
        Ok(url) if text.contains("://") && url.scheme() == "http" => {
            Err(("whoever is on the way could send another configuration", "write `https://…`"))
        }
        // `git@host:owner/name` is no URL, or one whose scheme is a host.
        Ok(_) | Err(_) => {
            let is_ssh = text.split_once(':').is_some_and(|(host, path)| {
                !host.is_empty()
                    && !host.contains('/')
                    && !path.is_empty()
                    && !path.starts_with("//")
            });
            if is_ssh { Ok(()) } else { Err(none) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Fleet, Vec<WrongField>> {
        let text = format!(
            r#"{{"source": "forge", "repository": "github.com/acme/fleet", "branch": "main",
                "git": "/srv/git/fleet.git"{more}}}"#
        );
        let raw: RawFleet = serde_json::from_str(&text).unwrap();
        let source = r#"{"forge": {"provider": "github", "secret_files": ["/s"]}}"#;
        raw.read(&serde_json::from_str(source).unwrap())
    }

    #[test]
    fn what_is_wrong_with_a_fleet_is_told_by_its_field() {
        assert!(read("").is_ok() && read(r#", "folder": "prod/""#).unwrap().folder == "prod");
        assert!(!read("").unwrap().approval && read(r#", "approval": true"#).unwrap().approval);
        for (more, field) in [
            (r#", "folder": "../prod""#, "folder"),
            (r#", "folder": "a:b""#, "folder"),
            (r#", "poll_minutes": 0"#, "poll_minutes"),
            (r#", "window": {"days": []}"#, "window.days"),
            (r#", "safely": {"hold_seconds": 0}"#, "safely.hold_seconds"),
            (r#", "safely": {"hold_seconds": 60, "canary": 7}"#, "safely.canary"),
        ] {
            let wrong = read(more).unwrap_err();
            assert!(wrong.len() == 1 && wrong[0].field == field, "{wrong:?}");
        }
    }

    #[test]
    fn only_ways_are_taken_on_which_nobody_else_can_answer() {
        for good in [
            "/srv/git/fleet.git",
            "https://github.com/acme/fleet.git",
            "ssh://git@host:22/acme/fleet.git",
            "git@github.com:acme/fleet.git",
            "forge:acme/fleet",
        ] {
            assert_eq!(address(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "--upload-pack=x",
            "fleet.git",
            "ext::sh -c id",
            "http://github.com/acme/fleet.git",
            "git://github.com/acme/fleet.git",
            "file:///srv/git",
            "https://kim:pw@github.com/acme/fleet.git",
            "https://a/b\nc",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
