//! Where the files are.

use std::path::{Path, PathBuf};

use crate::place::File;

/// The folder of the files, and what stands beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes a folder as it is.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the first of some folders that has the host's file in it.
    pub fn find(candidates: impl IntoIterator<Item = PathBuf>) -> Option<Self> {
        candidates.into_iter().map(Self).find(|folder| folder.file(File::Hypervisor).exists())
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of one of the files.
    pub fn file(&self, file: File) -> PathBuf {
        self.0.join(file.name())
    }

    /// Returns the folders in which a file of this kind is looked for, nearest first: beside the
    /// config, and where the shell scripts that Phoenix takes over from had them.
    pub(crate) fn holding(&self, kind: Holding) -> Vec<PathBuf> {
        let (ours, former): (&str, &[&str]) = match kind {
            Holding::Scripts => ("scripts", &["bin"]),
            Holding::Features => ("features", &[]),
            Holding::Tests => ("tests", &["bin/tests"]),
            Holding::Profiles => ("apparmor", &["etc/apparmor"]),
        };
        let beside = self.0.join(ours);
        // The config used to be in `etc/`, and the scripts beside that folder.
        let above = self.0.parent().map(Path::to_path_buf).unwrap_or_default();
        std::iter::once(beside).chain(former.iter().map(|path| above.join(path))).collect()
    }
}

/// A kind of file that configs name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    /// Application scripts.
    Scripts,
    /// Features.
    Features,
    /// Test scripts.
    Tests,
    /// AppArmor profiles.
    Profiles,
}
