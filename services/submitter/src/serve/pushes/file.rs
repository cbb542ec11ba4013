//! What the file about webhooks says of the repository that holds the configuration.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use phoenix_domain::{SourceName, Vmid};
use phoenix_hooks::{RawWindow, RefName, Repository, Window};
use serde::Deserialize;
use url::Url;

use super::forge::{Forge, RawStatus};

/// The minutes of a day.
const DAY: u64 = 24 * 60;
/// How long a guest may have to stay healthy, in seconds.
const LONGEST_HOLD: u32 = 24 * 3600;

/// The repository that holds the configuration, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct RawFleet {
    /// The source that tells of pushes.
    source: SourceName,
    /// The repository, as the source calls it.
    repository: String,
    branch: String,
    /// From where `git` fetches it.
    git: String,
    /// The folder with the configuration; the whole repository without this.
    #[serde(default)]
    folder: String,
    /// How often it is looked whether the branch was moved; never without this.
    #[serde(default)]
    poll_minutes: Option<u64>,
    /// When a commit is deployed; at once without this.
    #[serde(default)]
    window: Option<RawWindow>,
    #[serde(default)]
    approval: bool,
    /// How guests go back that fail; without this they do not.
    #[serde(default)]
    safely: Option<RawSafely>,
    /// Where the forge is told what became of a commit; nowhere without this.
    #[serde(default)]
    status: Option<RawStatus>,
}

/// How guests go back that fail, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSafely {
    /// How long each has to stay healthy.
    hold_seconds: u32,
    /// The guest that tries it first, where it is changed at all.
    #[serde(default)]
    canary: Option<u64>,
}

/// How guests go back that fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Safely {
    pub(super) hold_s: u32,
    pub(super) canary: Option<Vmid>,
}

/// The repository that holds the configuration.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Fleet {
    pub(in crate::serve) source: SourceName,
    pub(super) repository: Repository,
    pub(super) branch: RefName,
    pub(super) branch_name: String,
    pub(super) git: String,
    pub(super) folder: String,
    pub(super) poll: Option<Duration>,
    pub(super) window: Option<Window>,
    pub(super) safely: Option<Safely>,
    pub(super) forge: Option<Forge>,
}

impl RawFleet {
    /// Reads it, or says everything that is wrong with it.
    pub(in crate::serve) fn read<'s>(
        self,
        mut sources: impl Iterator<Item = &'s SourceName>,
    ) -> Result<Fleet, Vec<String>> {
        let mut wrong = Vec::new();
        if !sources.any(|source| *source == self.source) {
            wrong.push(format!("`fleet.source`: there is no source `{}`", self.source));
        }
        let repository: Result<Repository, _> = self.repository.parse();
        let branch = RefName::branch(&self.branch);
        for (field, refused) in
            [("repository", repository.as_ref().err()), ("branch", branch.as_ref().err())]
        {
            wrong.extend(refused.map(|err| format!("`fleet.{field}`: {err}; {}", err.rule)));
        }
        if let Err(why) = address(&self.git) {
            wrong.push(format!("`fleet.git`: {why}"));
        }
        let folder = self.folder.trim_matches('/').to_owned();
        let is_part = |part| matches!(part, Component::Normal(_));
        if !Path::new(&folder).components().all(is_part) || folder.contains(':') {
            let rule = "a folder is named from the top of the repository, such as `prod`";
            wrong.push(format!("`fleet.folder`: `{}` is no folder; {rule}", self.folder));
        }
        if self.poll_minutes.is_some_and(|minutes| !(1..=DAY).contains(&minutes)) {
            let rule = format!("from 1 to {DAY}; leave it out, where nothing is to be asked");
            wrong.push(format!("`fleet.poll_minutes`: {rule}"));
        }
        if self.approval {
            wrong.push("`fleet.approval`: nobody is asked yet; take it out".to_owned());
        }
        let window = self.window.as_ref().map(Window::read).transpose();
        let window = window.unwrap_or_else(|fields| {
            wrong.extend(fields.iter().map(|field| format!("`fleet.window`: {field}")));
            None
        });
        let safely = self.safely.map(RawSafely::read).transpose().unwrap_or_else(|why| {
            wrong.push(format!("`fleet.safely.{why}"));
            None
        });
        let forge = match (self.status, &repository) {
            (Some(status), Ok(repository)) => match status.read(repository) {
                Ok(forge) => Some(forge),
                Err(why) => {
                    wrong.extend(why.iter().map(|why| format!("`fleet.status.{why}")));
                    None
                }
            },
            (Some(_) | None, _) => None,
        };
        match (repository, branch) {
            (Ok(repository), Ok(branch)) if wrong.is_empty() => Ok(Fleet {
                source: self.source,
                repository,
                branch,
                branch_name: self.branch,
                git: self.git,
                folder,
                poll: self.poll_minutes.map(Duration::from_mins),
                window,
                safely,
                forge,
            }),
            (_, _) => Err(wrong),
        }
    }
}

impl RawSafely {
    fn read(self) -> Result<Safely, String> {
        if !(1..=LONGEST_HOLD).contains(&self.hold_seconds) {
            return Err(format!("hold_seconds`: from 1 to {LONGEST_HOLD}"));
        }
        let canary = self.canary.map(Vmid::try_from).transpose();
        let canary = canary.map_err(|err| format!("canary`: {err}; {}", err.rule))?;
        Ok(Safely { hold_s: self.hold_seconds, canary })
    }
}

impl Fleet {
    /// Returns which repository, branch and folder it is, for those who note something about it.
    pub(super) fn about(&self) -> String {
        format!("{} {} {}", self.repository, self.branch, self.folder)
    }

    /// Returns the folder in which it is kept what was fetched.
    pub(super) fn kept(&self, state_dir: &Path) -> PathBuf {
        state_dir.join("fleet").join(self.source.as_str())
    }
}

/// Refuses what `git` would take for something else, and what anybody on the way could change.
fn address(text: &str) -> Result<(), &'static str> {
    let rule = "it is `https://…`, `ssh://…`, `git@host:owner/name`, or the path of a folder";
    if text.starts_with('-') || text.contains("::") || text.chars().any(char::is_control) {
        return Err(rule);
    }
    if text.starts_with('/') {
        return Ok(());
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "ssh") => match url.password() {
            None => Ok(()),
            Some(_) => {
                Err("there is a password in it, which whoever lists processes would read; take a \
                 deploy key, and `git@host:owner/name`")
            }
        },
        Ok(url) if text.contains("://") && url.scheme() == "http" => {
            Err("whoever is on the way could send another configuration; write `https://…`")
        }
        // `git@host:owner/name` is no URL, or one whose scheme is a host.
        Ok(_) | Err(_) => {
            let is_ssh = text.split_once(':').is_some_and(|(host, path)| {
                !host.is_empty()
                    && !host.contains('/')
                    && !path.is_empty()
                    && !path.starts_with("//")
            });
            if is_ssh { Ok(()) } else { Err(rule) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Fleet, Vec<String>> {
        let text = format!(
            r#"{{"source": "forge", "repository": "github.com/acme/fleet", "branch": "main",
                "git": "/srv/git/fleet.git"{more}}}"#
        );
        let raw: RawFleet = serde_json::from_str(&text).unwrap();
        raw.read([&"forge".parse().unwrap()].into_iter())
    }

    #[test]
    fn what_is_wrong_with_a_fleet_is_told_by_its_field() {
        assert!(read("").is_ok() && read(r#", "folder": "prod/""#).unwrap().folder == "prod");
        for (more, field) in [
            (r#", "folder": "../prod""#, "folder"),
            (r#", "folder": "a:b""#, "folder"),
            (r#", "approval": true"#, "approval"),
            (r#", "poll_minutes": 0"#, "poll_minutes"),
            (r#", "window": {"days": []}"#, "window"),
            (r#", "safely": {"hold_seconds": 0}"#, "safely.hold_seconds"),
            (r#", "safely": {"hold_seconds": 60, "canary": 7}"#, "safely.canary"),
        ] {
            let wrong = read(more).unwrap_err();
            assert!(wrong.len() == 1 && wrong[0].contains(&format!("`fleet.{field}")), "{wrong:?}");
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
