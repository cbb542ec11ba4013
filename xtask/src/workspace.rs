//! The repository: where things lie, and how its programs are built.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process::Program;

/// The repository a task works on. It is the current folder, so paths in it are relative.
pub(crate) struct Workspace {
    /// Where everything built or installed goes; `cargo clean` removes it all.
    pub(crate) target: PathBuf,
    pub(crate) members: Vec<Member>,
    pub(crate) strictness: Strictness,
}

/// What is off where nobody asks for it, and is tried and looked at all the same.
pub(crate) const FEATURES: &str = "phoenix-submitter/otlp";

/// How a task behaves where a person's convenience and a reproducible answer differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Cargo may bring `Cargo.lock` up to date.
    AtTheDesk,
    /// `Cargo.lock` is taken as it is committed, and tests run to the end whatever fails.
    Ci,
}

/// A package of the workspace, as `cargo metadata` tells it.
#[derive(Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// What each feature switches on.
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// What a package's manifest says of a dependency.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or absent for an ordinary one.
    pub(crate) kind: Option<String>,
    /// Whether it takes a feature to have it.
    #[serde(default)]
    pub(crate) optional: bool,
}

/// A library or a program of a package.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Member>,
    target_directory: PathBuf,
}

/// How `phoenix` is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Dev,
    /// What is measured and shipped.
    Dist,
}

impl Workspace {
    /// Goes to the root of the repository, wherever the task was called from.
    pub(crate) fn enter(strictness: Strictness) -> Result<Self> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package.parent().context("xtask lies in no folder")?;
        env::set_current_dir(root).with_context(|| format!("cannot enter {}", root.display()))?;
        let asked = Program::new("cargo")
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .read()?;
        let metadata: Metadata =
            serde_json::from_slice(&asked).context("cannot read what `cargo metadata` printed")?;
        let target = metadata.target_directory;
        // Shorter to read in every line that is shown.
        let target = target.strip_prefix(root).map(Path::to_path_buf).unwrap_or(target);
        Ok(Self { target, members: metadata.packages, strictness })
    }

    /// A cargo command that resolves dependencies; in CI the lock file must already be right.
    pub(crate) fn cargo(&self, words: &[&str]) -> Program {
        let cargo = Program::new("cargo").args(words);
        match self.strictness {
            Strictness::AtTheDesk => cargo,
            Strictness::Ci => cargo.arg("--locked"),
        }
    }

    /// Builds `phoenix` and returns where it lies.
    pub(crate) fn phoenix(&self, profile: Profile) -> Result<PathBuf> {
        self.cargo(&["build", "--quiet", "--package", "phoenix", "--profile", profile.name()])
            .run()?;
        Ok(self.target.join(profile.folder()).join("phoenix"))
    }
}

impl Profile {
    /// What cargo calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Dist => "dist",
        }
    }

    /// The folder of what is built so, below the target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Dist => "dist",
        }
    }
}

/// The files of the repository, tracked or new, ignored ones are not.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let listed = Program::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .read()?;
    let listed = String::from_utf8(listed).context("a file name is not UTF-8")?;
    let names = listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    // A file deleted but not yet committed is still listed.
    Ok(names.filter(|name| name.is_file()).collect())
}
