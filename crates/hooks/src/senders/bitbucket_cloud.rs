//! What bitbucket.org says.

use serde::Deserialize;

use super::{Said, Unreadable, moved, of};
use crate::delivery::Kind;
use crate::paths::Listed;
use crate::push::{Push, Told};
use crate::refname::RefName;
use crate::repository::Repository;

/// Where all of them are.
const HOST: &str = "https://bitbucket.org";

/// What stands for no commit. Bitbucket leaves it out instead.
const NONE: &str = "0000000000000000000000000000000000000000";

#[derive(Deserialize)]
struct Payload {
    push: Moves,
    repository: Named,
    #[serde(default)]
    actor: Option<Actor>,
}

#[derive(Deserialize)]
struct Named {
    full_name: String,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(default)]
    nickname: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct Moves {
    changes: Vec<Move>,
}

#[derive(Deserialize)]
struct Move {
    old: Option<Tip>,
    new: Option<Tip>,
    forced: bool,
    /// Five of them at most.
    #[serde(default)]
    commits: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Tip {
    r#type: String,
    name: String,
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    hash: String,
}

pub(super) fn read(said: &Said<'_>) -> Result<Kind, Unreadable> {
    if said.event != "repo:push" {
        return Ok(said.ignored());
    }
    let payload: Payload = said.json()?;
    let repository =
        of("repository.full_name", Repository::at(HOST, &payload.repository.full_name))?;
    let actor = payload.actor.and_then(|actor| actor.nickname.or(actor.display_name));
    let moves = payload.push.changes.into_iter();
    let pushes = moves.filter_map(|one| one.push(&repository, actor.as_ref()).transpose());
    Ok(moved(pushes.collect::<Result<_, _>>()?))
}

impl Move {
    fn push(
        self,
        repository: &Repository,
        actor: Option<&String>,
    ) -> Result<Option<Push>, Unreadable> {
        let field = "push.changes.new";
        let Some(tip) = self.new.as_ref().or(self.old.as_ref()) else {
            return Err(Unreadable::Missing { field });
        };
        let refname = match tip.r#type.as_str() {
            "branch" => of(field, RefName::branch(&tip.name))?,
            "tag" => of(field, RefName::tag(&tip.name))?,
            // What Mercurial had.
            _ => return Ok(None),
        };
        let hash = |tip: Option<Tip>| tip.map_or_else(|| NONE.to_owned(), |tip| tip.target.hash);
        let commits = u64::try_from(self.commits.len()).ok().filter(|_| !self.truncated);
        let told = Told {
            repository: repository.clone(),
            refname,
            before: hash(self.old),
            after: hash(self.new),
            forced: self.forced.into(),
            listed: Listed::Never,
            pusher: actor.cloned(),
            commits,
        };
        of("push.changes", told.read()).map(Some)
    }
}
