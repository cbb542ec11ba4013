//! What Gitea and Forgejo say.

use serde::Deserialize;

use super::listed::{self, Commit};
use super::{Said, Unreadable, of, other_ref};
use crate::delivery::Kind;
use crate::paths::Listed;
use crate::push::{Forced, Told};
use crate::refname::RefName;

#[derive(Deserialize)]
struct Payload {
    r#ref: String,
    before: String,
    after: String,
    repository: Repository,
    #[serde(default)]
    pusher: Option<Pusher>,
    /// As many as a page of news has: five, unless its operator has set that otherwise.
    #[serde(default)]
    commits: Option<Vec<Commit>>,
    /// How many there are; old ones do not say.
    #[serde(default)]
    total_commits: Option<u64>,
}

#[derive(Deserialize)]
struct Repository {
    html_url: String,
}

#[derive(Deserialize)]
struct Pusher {
    #[serde(default)]
    login: Option<String>,
}

pub(super) fn read(said: &Said<'_>) -> Result<Kind, Unreadable> {
    if said.event != "push" {
        return Ok(said.ignored());
    }
    let payload: Payload = said.json()?;
    // So its button for trying a webhook out does: there is no event of its own for that.
    if payload.before == payload.after {
        return Ok(Kind::Ping);
    }
    let Some(refname) = RefName::read(&payload.r#ref) else { return Ok(other_ref()) };
    let commits = payload.commits.unwrap_or_default();
    let is_whole = u64::try_from(commits.len()).ok() == payload.total_commits;
    let told = Told {
        repository: of("repository.html_url", payload.repository.html_url.parse())?,
        refname: of("ref", refname)?,
        before: payload.before,
        after: payload.after,
        forced: Forced::Untold,
        listed: if is_whole { Listed::Whole(listed::all(commits)) } else { Listed::Part },
        pusher: payload.pusher.and_then(|pusher| pusher.login),
        commits: payload.total_commits,
    };
    Ok(Kind::Pushes(vec![of("before and after", told.read())?]))
}
