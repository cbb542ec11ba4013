//! That a branch or a tag was moved.

use crate::paths::{Listed, Paths};
use crate::refname::{CommitId, RefName};
use crate::repository::Repository;
use phoenix_domain::Refused;

/// That a branch or a tag was moved, as its sender tells it. It is a hint: who acts on it looks at the
/// repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Where.
    pub repository: Repository,
    /// What was moved.
    pub refname: RefName,
    /// Where it stood; nowhere when it was made.
    pub before: Option<CommitId>,
    /// Where it stands; nowhere when it was deleted.
    pub after: Option<CommitId>,
    /// Whether commits were taken away by it.
    pub forced: Forced,
    /// Which files it is about.
    pub paths: Paths,
    /// Who moved it.
    pub pusher: Option<String>,
    /// How many commits came, where that is told.
    pub commits: Option<u64>,
}

/// Whether a push has taken commits away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// The sender does not say.
    Untold,
}

impl Push {
    /// Says whether it made what it is about.
    pub fn is_created(&self) -> bool {
        self.before.is_none()
    }

    /// Says whether it deleted what it is about.
    pub fn is_deleted(&self) -> bool {
        self.after.is_none()
    }

    /// Says whether it is told that commits were taken away.
    pub fn is_forced(&self) -> bool {
        match self.forced {
            Forced::Yes => true,
            Forced::No | Forced::Untold => false,
        }
    }
}

/// A push in the words of a sender.
pub(crate) struct Told {
    pub(crate) repository: Repository,
    pub(crate) refname: RefName,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) forced: Forced,
    pub(crate) listed: Listed,
    pub(crate) pusher: Option<String>,
    pub(crate) commits: Option<u64>,
}

impl Told {
    /// Returns it in ours.
    pub(crate) fn read(self) -> Result<Push, Refused> {
        let (before, after) = (CommitId::read(&self.before)?, CommitId::read(&self.after)?);
        if before.is_none() && after.is_none() {
            return Err(Refused::new(self.after, "a commit", "zeros on both sides move nothing"));
        }
        let tips = (before.as_ref(), after.as_ref());
        let paths = Paths::of(&self.refname, tips, self.forced, self.listed);
        let Self { repository, refname, forced, pusher, commits, .. } = self;
        Ok(Push { repository, refname, before, after, forced, paths, pusher, commits })
    }
}

impl From<bool> for Forced {
    fn from(is_forced: bool) -> Self {
        if is_forced { Self::Yes } else { Self::No }
    }
}
