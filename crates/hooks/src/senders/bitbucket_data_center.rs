//! What a Bitbucket of one's own says.

use serde::Deserialize;

use super::{Said, Unreadable, moved, of};
use crate::delivery::Kind;
use crate::paths::Listed;
use crate::push::{Forced, Told};
use crate::refname::RefName;
use crate::repository::Repository;

#[derive(Deserialize)]
struct Payload {
    repository: Named,
    changes: Vec<Move>,
    #[serde(default)]
    actor: Option<Actor>,
}

#[derive(Deserialize)]
struct Named {
    slug: String,
    project: Project,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct Project {
    key: String,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default)]
    clone: Vec<Link>,
    #[serde(default, rename = "self")]
    page: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    ref_id: String,
    from_hash: String,
    to_hash: String,
}

pub(super) fn read(said: &Said<'_>) -> Result<Kind, Unreadable> {
    match said.event {
        "diagnostics:ping" => return Ok(Kind::Ping),
        "repo:refs_changed" => {}
        _ => return Ok(said.ignored()),
    }
    let payload: Payload = said.json()?;
    let repository = payload.repository.read()?;
    let actor = payload.actor.and_then(|actor| actor.name);
    let mut pushes = Vec::new();
    for one in payload.changes {
        let Some(refname) = RefName::read(&one.ref_id) else { continue };
        let told = Told {
            repository: repository.clone(),
            refname: of("changes.refId", refname)?,
            before: one.from_hash,
            after: one.to_hash,
            forced: Forced::Untold,
            listed: Listed::Never,
            pusher: actor.clone(),
            commits: None,
        };
        pushes.push(of("changes", told.read())?);
    }
    Ok(moved(pushes))
}

impl Named {
    /// The addresses say where it is, and each spells the rest in its own way: `scm/` before it, or
    /// `projects/` and `repos/`. Project and name are the same for all.
    fn read(&self) -> Result<Repository, Unreadable> {
        let field = "repository.links";
        let link = self.links.clone.iter().chain(&self.links.page).next();
        let link = link.ok_or(Unreadable::Missing { field })?;
        of(field, Repository::at(&link.href, &format!("{}/{}", self.project.key, self.slug)))
    }
}
