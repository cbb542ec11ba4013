//! What is tried: a feature, where it is, and what has to be there before it.

use std::path::{Path, PathBuf};

use phoenix_config::{GuestKind, Manifest, Shelf, Shelving, feature_folders};

use super::error::TrialError;

/// A feature that can be tried, and what has to be there before it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The feature.
    pub(crate) feature: Folder,
    /// What is installed before it, in this order.
    pub(crate) below: Vec<Folder>,
}

/// A feature, as it lies in a folder of its own.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    /// The folder with the shell files that it shares with others.
    pub(crate) lib: Option<PathBuf>,
}

/// Finds a feature in the folders that are said, and in those where features usually are.
pub fn subject(name: &str, said: &[PathBuf]) -> Result<Subject, TrialError> {
    let folders = feature_folders(said, None);
    let shelf = Shelf::of(&folders).map_err(TrialError::Shelf)?;
    let feature = folder(&shelf, &folders, name)?;
    if !feature.manifest.kinds.contains(&GuestKind::Container) {
        return Err(TrialError::NotForContainers { name: name.to_owned() });
    }
    let mut below = Vec::new();
    for needed in shelf.foundations(name) {
        // One that has a stand-in of its name is not installed: that is there in its place.
        if feature.stand_ins().is_some_and(|programs| programs.join(needed.as_str()).exists()) {
            continue;
        }
        below.push(folder(&shelf, &folders, needed.as_str())?);
    }
    Ok(Subject { feature, below })
}

fn folder(shelf: &Shelf, folders: &[PathBuf], name: &str) -> Result<Folder, TrialError> {
    let Some(shelved) = shelf.feature(name) else {
        let near = shelf.near(name).into_iter().map(str::to_owned).collect();
        return Err(TrialError::NoSuchFeature { name: name.to_owned(), near });
    };
    let manifest = shelved
        .manifest
        .clone()
        .map_err(|why| TrialError::WrongManifest { name: name.to_owned(), why })?;
    let path = match &shelved.at {
        Shelving::Folder(path) => path.clone(),
        Shelving::BuiltIn => return Err(TrialError::NoScripts { name: name.to_owned() }),
    };
    let beside = path.parent().map(Path::to_path_buf);
    let lib = beside.into_iter().chain(folders.iter().cloned()).map(|folder| folder.join("lib"));
    let lib = lib.into_iter().find(|lib| lib.is_dir());
    Ok(Folder { path, manifest, lib })
}

impl Subject {
    /// Returns the name of the feature.
    pub fn name(&self) -> &str {
        self.feature.manifest.name.as_str()
    }

    /// Says whether something is stood in for, so that nobody takes the trial for more than it is.
    pub fn has_stand_ins(&self) -> bool {
        self.all().any(|folder| folder.stand_ins().is_some())
    }

    /// Returns the names of those that are installed before it.
    pub fn below(&self) -> Vec<&str> {
        self.below.iter().map(|folder| folder.manifest.name.as_str()).collect()
    }

    /// Returns everything that is installed, in its order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Folder> {
        self.below.iter().chain([&self.feature])
    }
}

impl Folder {
    /// Returns the folder of programs that stand in for others, if there is one.
    pub(crate) fn stand_ins(&self) -> Option<PathBuf> {
        Some(self.path.join("test/stand-ins")).filter(|folder| folder.is_dir())
    }
}
