//! `cargo xtask upgrade`: programs of an older revision beside those of today, at one stream.

use std::fs;
use std::path::{self, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::process::Program;
use crate::say::say;
use crate::tools;
use crate::workspace::Workspace;

/// The programs that are built from the older revision.
const PACKAGES: [&str; 4] =
    ["phoenix", "phoenix-submitter", "phoenix-worker", "phoenix-health-monitor"];

#[derive(Args)]
pub(crate) struct Upgrade {
    /// The older revision; the newest tag `v*` where none is named
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// Run only the scenes whose name has this in it
    filter: Option<String>,
}

impl Upgrade {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let revision = match &self.from {
            Some(named) => commit(named)?,
            None => commit(&newest_tag()?)?,
        };
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        tools::NEXTEST.ensure(workspace)?;
        let older = path::absolute(older(workspace, &revision)?)?;
        say(format_args!("PHOENIX_OLDER={}", older.display()));
        let today = PACKAGES.iter().flat_map(|package| ["--package", package]);
        workspace.cargo(&["build", "--quiet"]).args(today).run()?;
        let scenes = match &self.filter {
            Some(filter) => format!("binary(it) & test(/^upgrade::/) & test({filter})"),
            None => "binary(it) & test(/^upgrade::/)".to_owned(),
        };
        workspace
            .cargo(&["nextest", "run", "--package", "phoenix-tests", "--ignore-default-filter"])
            .args(["--filterset", &scenes])
            .env("PHOENIX_NATS_SERVER", server)
            .env("PHOENIX_OLDER", older)
            .run()
    }
}

/// Returns the newest tag of a release.
fn newest_tag() -> Result<String> {
    let listed = ["tag", "--list", "v*", "--sort=-version:refname"];
    let listed = String::from_utf8(Program::new("git").args(listed).read()?)?;
    match listed.lines().next() {
        Some(tag) => Ok(tag.to_owned()),
        None => bail!(
            "nothing was released yet, so there is no tag `v*`: name a revision, \
             `cargo xtask upgrade --from REVISION`"
        ),
    }
}

/// Returns the whole name of a commit.
fn commit(revision: &str) -> Result<String> {
    let asked = ["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")];
    let told = Program::new("git").args(asked).ask();
    let told = told.with_context(|| format!("there is no revision {revision}"))?;
    Ok(told.trim().to_owned())
}

/// Builds the programs of a revision, in a folder of its own that is kept, and returns where they lie.
fn older(workspace: &Workspace, revision: &str) -> Result<PathBuf> {
    let folder = workspace.target.join("upgrade").join(revision);
    let (source, target) = (folder.join("source"), path::absolute(folder.join("target"))?);
    if !source.join("Cargo.toml").is_file() {
        unpack(revision, &source)?;
    }
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    Program::new("cargo")
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(source.join("Cargo.toml"))
        .args(packages)
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    Ok(target.join("debug"))
}

/// Puts the files of a revision into a folder, whole or not at all.
fn unpack(revision: &str, source: &Path) -> Result<()> {
    let half = source.with_extension("half");
    // Whoever was interrupted left half of it.
    fs::remove_dir_all(&half).ok();
    fs::create_dir_all(&half).with_context(|| format!("cannot make {}", half.display()))?;
    let archive = half.with_extension("tar");
    let output = format!("--output={}", archive.display());
    Program::new("git").args(["archive", "--format=tar", &output, revision]).run()?;
    Program::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(&half)
        .run()?;
    fs::remove_file(&archive)?;
    fs::rename(&half, source).with_context(|| format!("cannot make {}", source.display()))
}
