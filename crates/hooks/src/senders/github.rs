//! What GitHub says.

use serde::Deserialize;

use super::listed::{self, Commit};
use super::{Said, Unreadable, of, other_ref};
use crate::delivery::Kind;
use crate::paths::Listed;
use crate::push::Told;
use crate::refname::RefName;

/// The most commits that are listed; whether there are more is not said.
const COMMITS: usize = 2048;

/// The most files of a commit that are listed; whether there are more is not said.
const FILES: usize = 3000;

#[derive(Deserialize)]
struct Payload {
    r#ref: String,
    before: String,
    after: String,
    forced: bool,
    repository: Repository,
    #[serde(default)]
    pusher: Option<Pusher>,
    #[serde(default)]
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Repository {
    html_url: String,
}

#[derive(Deserialize)]
struct Pusher {
    #[serde(default)]
    name: Option<String>,
}

pub(super) fn read(said: &Said<'_>) -> Result<Kind, Unreadable> {
    match said.event {
        "ping" => return Ok(Kind::Ping),
        "push" => {}
        _ => return Ok(said.ignored()),
    }
    let payload: Payload = said.json()?;
    let Some(refname) = RefName::read(&payload.r#ref) else { return Ok(other_ref()) };
    let is_cut = payload.commits.len() >= COMMITS
        || payload.commits.iter().any(|commit| commit.files() >= FILES);
    // Where the list is full nobody knows how many there were.
    let commits = u64::try_from(payload.commits.len()).ok();
    let told = Told {
        repository: of("repository.html_url", payload.repository.html_url.parse())?,
        refname: of("ref", refname)?,
        before: payload.before,
        after: payload.after,
        forced: payload.forced.into(),
        commits: commits.filter(|_| payload.commits.len() < COMMITS),
        listed: if is_cut { Listed::Part } else { Listed::Whole(listed::all(payload.commits)) },
        pusher: payload.pusher.and_then(|pusher| pusher.name),
    };
    Ok(Kind::Pushes(vec![of("before and after", told.read())?]))
}
