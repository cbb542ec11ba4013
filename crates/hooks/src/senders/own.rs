//! What programs of one's own say: a type, and of a push the same that forges tell.
//!
//! ```json
//! {"type": "push", "data": {"repository": "git.lan/acme/shop", "ref": "refs/heads/main",
//!   "before": "…", "after": "…", "paths": {"changed": ["guests/962/vllm.env"]}}}
//! ```

use serde::Deserialize;

use super::{Said, Unreadable, of, other_ref};
use crate::delivery::{Kind, Note};
use crate::paths::{Changed, Listed};
use crate::push::{Forced, Told};
use crate::refname::RefName;

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    severity: Option<String>,
}

#[derive(Deserialize)]
struct Wrapped {
    data: Moved,
}

#[derive(Deserialize)]
struct Moved {
    repository: String,
    r#ref: String,
    before: String,
    after: String,
    #[serde(default)]
    forced: Option<bool>,
    #[serde(default)]
    paths: Option<Lists>,
    #[serde(default)]
    pusher: Option<String>,
    #[serde(default)]
    commits: Option<u64>,
}

#[derive(Deserialize)]
struct Lists {
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    changed: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
}

pub(super) fn read(said: &Said<'_>) -> Result<Kind, Unreadable> {
    let payload: Payload = said.json()?;
    match payload.r#type.as_deref() {
        Some("ping") => Ok(Kind::Ping),
        Some("push") => said.json::<Wrapped>()?.data.read(),
        Some(_) | None => Ok(Kind::Note(Note {
            title: payload.title.or(payload.r#type),
            message: payload.message,
            severity: payload.severity,
        })),
    }
}

impl Moved {
    fn read(self) -> Result<Kind, Unreadable> {
        let Some(refname) = RefName::read(&self.r#ref) else { return Ok(other_ref()) };
        let listed = self.paths.map_or(Listed::Never, |lists| {
            Listed::Whole(Changed {
                added: lists.added.into_iter().collect(),
                changed: lists.changed.into_iter().collect(),
                removed: lists.removed.into_iter().collect(),
            })
        });
        let told = Told {
            repository: of("data.repository", self.repository.parse())?,
            refname: of("data.ref", refname)?,
            before: self.before,
            after: self.after,
            forced: self.forced.map_or(Forced::Untold, Forced::from),
            listed,
            pusher: self.pusher,
            commits: self.commits,
        };
        Ok(Kind::Pushes(vec![of("data.before and data.after", told.read())?]))
    }
}
