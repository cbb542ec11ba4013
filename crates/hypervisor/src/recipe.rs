//! A recipe: what is brought into a guest to be run there once for each version of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use phoenix_domain::{Brings, SecretRef};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::HostError;
use crate::vault::Opened;

/// The receipt of a repair.
pub(crate) const REPAIR: &str = "repair";

/// What is brought into a guest to be run there.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// What people call it.
    pub(crate) name: String,
    /// The name of its receipt.
    pub(crate) receipt: String,
    /// What is run, relative to the folder it is unpacked in.
    pub(crate) entry: String,
    /// What is set of it, as a shell reads it.
    pub(crate) parameters: String,
    /// What it was told of its surroundings, where it asks for that.
    pub(crate) surroundings: String,
    /// What was written for it.
    pub(crate) written: Vec<RecipeFile>,
    /// The secrets it is given.
    pub(crate) secrets: BTreeMap<Box<str>, SecretRef>,
    /// The files.
    pub(crate) files: Vec<RecipeFile>,
}

/// A file of a recipe.
#[derive(Clone, Debug)]
pub(crate) struct RecipeFile {
    /// Where it is unpacked.
    pub(crate) name: String,
    mode: u32,
    bytes: Vec<u8>,
}

impl Recipe {
    /// Returns what tells this version of it, with what is set of it, from every other one.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for file in self.files.iter().chain(&self.written) {
            file.add_to(&mut hash);
        }
        add(&mut hash, "parameters", self.parameters.as_bytes());
        add(&mut hash, "surroundings", self.surroundings.as_bytes());
        digits(hash)
    }
}

impl Recipe {
    /// Returns all files that are unpacked.
    pub(crate) fn bundle(&self) -> Vec<RecipeFile> {
        self.files.iter().chain(&self.written).cloned().collect()
    }

    /// Returns what tells its files from those of every other version, whatever is set of it.
    pub(crate) fn version(&self) -> String {
        RecipeFile::digest(&self.files)
    }
}

impl RecipeFile {
    /// Reads a file that is to be unpacked under this name.
    pub(crate) fn read(name: String, path: &Path) -> Result<Self, HostError> {
        let bytes = fs::read(path).map_err(unreachable)?;
        let mode = fs::metadata(path).map_err(unreachable)?.permissions().mode() & 0o777;
        Ok(Self { name, mode, bytes })
    }

    /// Makes one of a text.
    pub(crate) fn written(name: String, text: String) -> Self {
        Self { name, mode: 0o600, bytes: text.into_bytes() }
    }

    /// Reads the files of an archive that was brought along.
    pub(crate) fn unpacked(archive: &[u8]) -> io::Result<Vec<Self>> {
        let mut files = Vec::new();
        for entry in tar::Archive::new(archive).entries()? {
            let mut entry = entry?;
            let name = entry.path()?.display().to_string();
            let mode = entry.header().mode()? & 0o777;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.push(Self { name, mode, bytes });
        }
        Ok(files)
    }

    /// Returns its text, as far as it is one.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Returns what tells these files from all others.
    pub(crate) fn digest(files: &[Self]) -> String {
        let mut hash = Sha256::new();
        for file in files {
            file.add_to(&mut hash);
        }
        digits(hash)
    }

    /// Says whether a word stands in it.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.bytes.windows(word.len()).any(|window| window == word.as_bytes())
    }

    fn add_to(&self, hash: &mut Sha256) {
        add(hash, &self.name, &self.bytes);
    }
}

/// Reads the files of a folder, in one order.
pub(crate) fn collect(folder: &Path, name: &str) -> Result<Vec<RecipeFile>, HostError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(unreachable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        if entry.file_name().to_str().is_some_and(|own| Brings::is_left_out(name, own)) {
            continue;
        }
        let (path, below) = (entry.path(), format!("{name}/{}", entry.file_name().display()));
        if path.is_dir() {
            files.extend(collect(&path, &below)?);
        } else {
            files.push(RecipeFile::read(below, &path)?);
        }
    }
    Ok(files)
}

/// Packs files, texts beside them, and secrets in a folder of their own.
pub(crate) fn pack(
    files: &[RecipeFile],
    texts: &[(&str, &str)],
    secrets: &Opened,
) -> Result<Vec<u8>, HostError> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut put = |name: &str, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        header.set_mode(mode);
        archive.append_data(&mut header, name, bytes).map_err(unreachable)
    };
    for RecipeFile { name, mode, bytes } in files {
        put(name, *mode, bytes)?;
    }
    for (name, text) in texts {
        put(name, 0o600, text.as_bytes())?;
    }
    for (name, value) in secrets.values() {
        put(&format!("secrets/{name}"), 0o600, value.expose_secret().as_bytes())?;
    }
    archive.into_inner().map_err(unreachable)
}

fn add(hash: &mut Sha256, name: &str, bytes: &[u8]) {
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    hash.update(bytes);
}

fn digits(hash: Sha256) -> String {
    let mut digits = String::with_capacity(64);
    for byte in hash.finalize() {
        // A String takes everything that is written to it.
        let _written = write!(digits, "{byte:02x}");
    }
    digits
}

fn unreachable(err: io::Error) -> HostError {
    HostError::Unreachable { err }
}
