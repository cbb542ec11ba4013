//! What is brought into guests: features, application scripts, AppArmor profiles.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use phoenix_domain::{FeatureName, FileName, GuestSpec, ProfileName};
use sha2::{Digest as _, Sha256};

use crate::HostError;

/// The folders in which it is looked for; the first that has it wins.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Folders with a folder for each feature.
    pub features: Vec<PathBuf>,
    /// Folders with application scripts.
    pub scripts: Vec<PathBuf>,
    /// Folders with AppArmor profiles.
    pub profiles: Vec<PathBuf>,
}

/// What is brought into a guest to be run there once.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// What people call it.
    pub(crate) name: String,
    /// The name of its receipt.
    pub(crate) receipt: String,
    /// What is run, relative to the folder it is unpacked in.
    pub(crate) entry: String,
    /// The files, by where they are unpacked.
    files: Vec<RecipeFile>,
}

#[derive(Debug)]
struct RecipeFile {
    name: String,
    path: PathBuf,
}

impl Library {
    /// Returns the recipe of a feature.
    pub(crate) fn feature(&self, feature: &FeatureName) -> Result<Recipe, HostError> {
        let what = || format!("the feature {feature}");
        let mut folders = self.features.iter();
        let Some(folder) = folders.find(|folder| folder.join(feature.as_str()).is_dir()) else {
            let why =
                format!("it is in none of the folders of features ({})", list(&self.features));
            return Err(HostError::Impossible { what: what(), why });
        };
        let own = folder.join(feature.as_str());
        if !own.join("install.sh").is_file() {
            let why = format!("{} has no install.sh", own.display());
            return Err(HostError::Impossible { what: what(), why });
        }
        let mut files = Vec::new();
        collect(&own, "feature", &mut files)?;
        let shared = folder.join("lib");
        if shared.is_dir() {
            collect(&shared, "lib", &mut files)?;
        }
        Ok(Recipe {
            name: what(),
            receipt: format!("feature-{feature}"),
            entry: "feature/install.sh".to_owned(),
            files,
        })
    }

    /// Returns the recipe of an application script.
    pub(crate) fn script(&self, script: &FileName) -> Result<Recipe, HostError> {
        let what = format!("the script {script}");
        let found = self.scripts.iter().map(|folder| folder.join(script.as_str()));
        let Some(path) = found.clone().find(|path| path.is_file()) else {
            let why = format!("it is in none of the folders of scripts ({})", list(&self.scripts));
            return Err(HostError::Impossible { what, why });
        };
        let entry = format!("script/{script}");
        let files = vec![RecipeFile { name: entry.clone(), path }];
        Ok(Recipe { name: what, receipt: "application".to_owned(), entry, files })
    }

    /// Says what a guest that is to be made asks for and is not there.
    pub(crate) fn check(&self, want: &GuestSpec) -> Result<(), HostError> {
        for feature in &want.features {
            self.feature(feature)?;
        }
        want.application_script.as_ref().map_or(Ok(()), |script| self.script(script).map(drop))
    }

    /// Returns the text of an AppArmor profile, if there is one of this name.
    pub(crate) fn profile(&self, name: &ProfileName) -> Option<PathBuf> {
        let found = self.profiles.iter().map(|folder| folder.join(name.as_str()));
        found.into_iter().find(|path| path.is_file())
    }
}

impl Recipe {
    /// Returns what tells this version of it from every other one.
    pub(crate) fn digest(&self) -> Result<String, HostError> {
        let mut hash = Sha256::new();
        for file in &self.files {
            let bytes = fs::read(&file.path).map_err(unreachable)?;
            hash.update(file.name.as_bytes());
            hash.update([0]);
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(&bytes);
        }
        let mut digits = String::with_capacity(64);
        for byte in hash.finalize() {
            // A String takes everything that is written to it.
            let _written = write!(digits, "{byte:02x}");
        }
        Ok(digits)
    }

    /// Returns it as an archive, with these texts beside it.
    pub(crate) fn archive(&self, texts: &[(&str, &str)]) -> Result<Vec<u8>, HostError> {
        let mut archive = tar::Builder::new(Vec::new());
        for file in &self.files {
            let bytes = fs::read(&file.path).map_err(unreachable)?;
            let mode = fs::metadata(&file.path).map_err(unreachable)?.permissions().mode();
            add(&mut archive, &file.name, mode & 0o777, &bytes).map_err(unreachable)?;
        }
        for (name, text) in texts {
            add(&mut archive, name, 0o600, text.as_bytes()).map_err(unreachable)?;
        }
        archive.into_inner().map_err(unreachable)
    }
}

fn add(archive: &mut tar::Builder<Vec<u8>>, name: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    header.set_mode(mode);
    archive.append_data(&mut header, name, bytes)
}

/// Collects the files of a folder, in one order.
fn collect(folder: &Path, name: &str, files: &mut Vec<RecipeFile>) -> Result<(), HostError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(unreachable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // What is for people and for the tests of a feature stays outside.
        if name == "feature" && (entry.file_name() == "README.md" || entry.file_name() == "test") {
            continue;
        }
        let (path, below) = (entry.path(), format!("{name}/{}", entry.file_name().display()));
        if path.is_dir() {
            collect(&path, &below, files)?;
        } else {
            files.push(RecipeFile { name: below, path });
        }
    }
    Ok(())
}

fn list(folders: &[PathBuf]) -> String {
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    if folders.is_empty() { "there is none".to_owned() } else { folders.join(", ") }
}

fn unreachable(err: io::Error) -> HostError {
    HostError::Unreachable { err }
}
