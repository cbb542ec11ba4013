//! What GitLab says.

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
    project: Project,
    #[serde(default)]
    user_username: Option<String>,
    #[serde(default)]
    commits: Vec<Commit>,
    /// The newest 20 commits are listed; this says how many there are.
    total_commits_count: u64,
}

#[derive(Deserialize)]
struct Project {
    web_url: String,
}

pub(super) fn read(said: &Said<'_>) -> Result<Kind, Unreadable> {
    match said.event {
        "Push Hook" | "Tag Push Hook" => {}
        _ => return Ok(said.ignored()),
    }
    let payload: Payload = said.json()?;
    let Some(refname) = RefName::read(&payload.r#ref) else { return Ok(other_ref()) };
    let is_whole = u64::try_from(payload.commits.len()) == Ok(payload.total_commits_count);
    let told = Told {
        repository: of("project.web_url", payload.project.web_url.parse())?,
        refname: of("ref", refname)?,
        before: payload.before,
        after: payload.after,
        forced: Forced::Untold,
        listed: if is_whole { Listed::Whole(listed::all(payload.commits)) } else { Listed::Part },
        pusher: payload.user_username,
        commits: Some(payload.total_commits_count),
    };
    Ok(Kind::Pushes(vec![of("before and after", told.read())?]))
}
