//! The files of commits, as most forges list them.

use serde::Deserialize;

use crate::paths::Changed;

/// A commit, and the files it touches.
#[derive(Default, Deserialize)]
pub(super) struct Commit {
    #[serde(default)]
    pub(super) added: Option<Vec<String>>,
    #[serde(default)]
    pub(super) modified: Option<Vec<String>>,
    #[serde(default)]
    pub(super) removed: Option<Vec<String>>,
}

impl Commit {
    /// Returns how many files it lists.
    pub(super) fn files(&self) -> usize {
        [&self.added, &self.modified, &self.removed].into_iter().flatten().map(Vec::len).sum()
    }
}

/// Returns the files of all of them together.
pub(super) fn all(commits: Vec<Commit>) -> Changed {
    let mut changed = Changed::default();
    for commit in commits {
        changed.added.extend(commit.added.into_iter().flatten());
        changed.changed.extend(commit.modified.into_iter().flatten());
        changed.removed.extend(commit.removed.into_iter().flatten());
    }
    changed
}
