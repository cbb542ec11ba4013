//! Where the files of the made-up node are.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::die::Outcome;

/// The folder that looks like the root of a Proxmox node.
#[derive(Clone, Debug)]
pub(crate) struct Node(PathBuf);

impl Node {
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// Returns where a path of the node is in truth; a path that names the folder stays.
    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        if path.starts_with(&self.0) {
            return path.to_owned();
        }
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Returns where the double keeps what is not part of a node.
    pub(crate) fn own(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join("fake").join(name)
    }

    /// Holds what all processes of the double share, for as long as the answer lives.
    pub(crate) fn alone(&self) -> Outcome<File> {
        let file = File::options().create(true).append(true).open(self.own("lock"))?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Outcome<Option<T>> {
        match fs::read(self.own(name)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Outcome<()> {
        write_whole(&self.own(name), &serde_json::to_vec_pretty(value)?)
    }
}

/// Writes a file so that nobody sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.with_file_name(format!("{name}.tmp.{}", std::process::id()));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    fs::rename(&beside, path)?;
    Ok(())
}

/// Writes a file and the folders it is in.
pub(crate) fn write_deep(path: &Path, text: &str) -> Outcome<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    write_whole(path, text.as_bytes())
}
