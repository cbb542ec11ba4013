//! Which files a push is about, where that can be told.

use std::collections::BTreeSet;
use std::fmt;

use crate::push::Forced;
use crate::refname::{CommitId, RefName};

/// Which files a push is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paths {
    /// These and no others, as far as its sender is right.
    Known(Changed),
    /// Perhaps any.
    Unknown(Untold),
}

/// The files that commits have touched. One may be in several lists: it was added, and then changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// What there was not before.
    pub added: BTreeSet<String>,
    /// What is otherwise than before.
    pub changed: BTreeSet<String>,
    /// What is no more.
    pub removed: BTreeSet<String>,
}

/// Why nobody can tell which files a push is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// This sender never says.
    Never,
    /// The sender says no more than so much, and this was more.
    CutShort,
    /// Commits were taken away, and what was in them is not listed.
    Forced,
    /// There was nothing before, to be otherwise than that.
    NoBefore,
    /// There is nothing after.
    NoAfter,
    /// It is a tag: that names a commit, not a way to it.
    Tag,
    /// Something was moved, but no file is listed.
    NoneListed,
}

/// What a sender has listed.
pub(crate) enum Listed {
    /// Nothing: it never does.
    Never,
    /// The first of more.
    Part,
    /// All there is.
    Whole(Changed),
}

impl Paths {
    /// Decides what of a list can be relied on.
    pub(crate) fn of(
        refname: &RefName,
        tips: (Option<&CommitId>, Option<&CommitId>),
        forced: Forced,
        listed: Listed,
    ) -> Self {
        let changed = match listed {
            Listed::Never => return Self::Unknown(Untold::Never),
            Listed::Part => return Self::Unknown(Untold::CutShort),
            Listed::Whole(changed) => changed,
        };
        Self::Unknown(match (tips, refname, forced) {
            ((_, None), _, _) => Untold::NoAfter,
            ((None, Some(_)), _, _) => Untold::NoBefore,
            ((Some(_), Some(_)), RefName::Tag(_), _) => Untold::Tag,
            ((Some(_), Some(_)), RefName::Branch(_), Forced::Yes) => Untold::Forced,
            ((Some(_), Some(_)), RefName::Branch(_), Forced::No | Forced::Untold) => {
                if changed.all().next().is_some() {
                    return Self::Known(changed);
                }
                Untold::NoneListed
            }
        })
    }
}

impl Changed {
    /// Returns every file there is to tell of.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&self.added, &self.changed, &self.removed].into_iter().flatten().map(String::as_str)
    }
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Never => "its sender never lists files",
            Self::CutShort => "its sender lists no more than a part of it",
            Self::Forced => "commits were taken away, and their files are not listed",
            Self::NoBefore => "there was nothing before",
            Self::NoAfter => "there is nothing after",
            Self::Tag => "it is a tag",
            Self::NoneListed => "its sender lists no file",
        })
    }
}
