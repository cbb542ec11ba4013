//! Which rules a push is about.

use std::fmt;

use chrono::{DateTime, Utc};
use phoenix_domain::Vmid;

use super::rule::{Action, Refs, Rule};
use super::window::RawWindow;
use crate::file::Safely;
use crate::paths::Paths;
use crate::push::Push;
use crate::refname::RefName;
use crate::repository::Repository;

/// What is to be done for a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The place of the rule in the list, from 0.
    pub rule: usize,
    /// The guests.
    pub guests: Vec<Vmid>,
    /// What is done with them.
    pub action: Action,
    /// Whether somebody has to agree before.
    pub approval: bool,
    /// When it may be done: now, or when its window opens.
    pub opens: DateTime<Utc>,
    /// The window, for whoever looks at it once more then.
    pub window: Option<RawWindow>,
    /// How guests go back that fail.
    pub safely: Option<Safely>,
}

/// Why a push is about no guest, by the rule that came nearest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotConfigured {
    /// There is nothing left to deploy.
    Deleted {
        /// What was deleted.
        refname: RefName,
    },
    /// No rule is about this repository.
    Repository {
        /// Which.
        repository: Repository,
    },
    /// Rules of this repository are about other branches and tags.
    RefName {
        /// Where.
        repository: Repository,
        /// What was moved.
        refname: RefName,
    },
    /// Rules of this branch are about other files.
    Paths {
        /// What was moved.
        refname: RefName,
        /// How many files were touched.
        files: usize,
    },
}

/// Returns what is to be done for a push, in the order of the rules.
///
/// A push of which nobody knows the files is about every rule of its repository and branch: what comes of it
/// is decided by comparing what is with what is wanted, and one time too many does no harm.
pub fn matching(
    rules: &[Rule],
    push: &Push,
    now: DateTime<Utc>,
) -> Result<Vec<Matched>, NotConfigured> {
    let refname = push.refname.clone();
    if push.is_deleted() {
        return Err(NotConfigured::Deleted { refname });
    }
    let repository = push.repository.clone();
    let of_repository: Vec<_> =
        rules.iter().enumerate().filter(|(_, rule)| rule.repository == repository).collect();
    if of_repository.is_empty() {
        return Err(NotConfigured::Repository { repository });
    }
    let of_ref: Vec<_> =
        of_repository.into_iter().filter(|(_, rule)| rule.refs.has(&refname)).collect();
    if of_ref.is_empty() {
        return Err(NotConfigured::RefName { repository, refname });
    }
    let matched: Vec<_> = of_ref
        .into_iter()
        .filter(|(_, rule)| rule.has_any(&push.paths))
        .map(|(at, rule)| rule.matched(at, now))
        .collect();
    if matched.is_empty() {
        let files = match &push.paths {
            Paths::Known(changed) => changed.all().count(),
            Paths::Unknown(_) => 0,
        };
        return Err(NotConfigured::Paths { refname, files });
    }
    Ok(matched)
}

impl Rule {
    fn has_any(&self, paths: &Paths) -> bool {
        match (&self.paths, paths) {
            (None, _) | (Some(_), Paths::Unknown(_)) => true,
            (Some(patterns), Paths::Known(changed)) => {
                changed.all().any(|path| patterns.iter().any(|pattern| pattern.has(path)))
            }
        }
    }

    fn matched(&self, rule: usize, now: DateTime<Utc>) -> Matched {
        let opens = self.window.as_ref().map_or(now, |(_, window)| window.opens(now));
        let window = self.window.as_ref().map(|(raw, _)| raw.clone());
        let (guests, action, approval) = (self.guests.clone(), self.action, self.approval);
        Matched { rule, guests, action, approval, opens, window, safely: self.safely }
    }
}

impl Refs {
    fn has(&self, refname: &RefName) -> bool {
        match (self, refname) {
            (Self::Branches(pattern), RefName::Branch(name))
            | (Self::Tags(pattern), RefName::Tag(name)) => pattern.has(name),
            (Self::Branches(_), RefName::Tag(_)) | (Self::Tags(_), RefName::Branch(_)) => false,
        }
    }
}

impl fmt::Display for NotConfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted { refname } => {
                write!(f, "{refname} was deleted; there is nothing to deploy")
            }
            Self::Repository { repository } => write!(f, "no rule is about {repository}"),
            Self::RefName { repository, refname } => {
                write!(f, "no rule of {repository} is about {refname}")
            }
            Self::Paths { refname, files } => {
                write!(f, "no rule of {refname} is about one of the {files} files")
            }
        }
    }
}
