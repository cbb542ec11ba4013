//! The programs that are packed, built so that nothing in them says where.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::process::Program;
use crate::workspace::{Profile, Workspace};

/// The crates whose programs are packed.
const PACKAGES: [&str; 4] =
    ["phoenix", "phoenix-submitter", "phoenix-worker", "phoenix-health-monitor"];
/// Their programs.
pub(super) const PROGRAMS: [&str; 4] =
    ["phoenix", "phoenix-submit", "phoenix-worker", "phoenix-health-monitor"];

/// What the packages are made of.
pub(super) struct Origin {
    pub(super) commit: String,
    /// When it was committed, in seconds since 1970: the time of everything in the packages.
    pub(super) time: String,
    /// The same, as a changelog has it.
    pub(super) date: String,
}

impl Origin {
    pub(super) fn of_this_commit() -> Result<Self> {
        let ask = |format: &str| {
            let said = Program::new("git")
                .args(["log", "-1", "--date=rfc2822", &format!("--format={format}")])
                .env("TZ", "UTC")
                .read()?;
            let said = String::from_utf8(said).context("git does not speak UTF-8")?;
            anyhow::Ok(said.trim().to_owned())
        };
        Ok(Self { commit: ask("%H")?, time: ask("%ct")?, date: ask("%cD")? })
    }
}

/// Where sources of others may be.
#[derive(Args)]
pub(crate) struct Homes {
    #[arg(long, env = "CARGO_HOME", hide = true)]
    cargo_home: Option<PathBuf>,
    #[arg(long, env = "HOME", default_value = "/root", hide = true)]
    home: PathBuf,
}

impl Homes {
    fn of_cargo(&self) -> PathBuf {
        self.cargo_home.clone().unwrap_or_else(|| self.home.join(".cargo"))
    }
}

/// Builds what is shipped, below this folder, and returns the folder with the programs.
pub(super) fn shipped(
    workspace: &Workspace,
    homes: &Homes,
    origin: &Origin,
    folder: &Path,
) -> Result<PathBuf> {
    let (root, folder) = (env::current_dir()?, std::path::absolute(folder)?);
    // Of several that fit the last one counts, so the innermost folder comes last.
    let places = [
        (&*root, "/usr/src/phoenix"),
        (&*homes.of_cargo(), "/usr/src/cargo"),
        (&*folder, "/usr/src/built"),
    ];
    let of_rust = places.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let of_c = places.map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()));
    compile(workspace, Profile::Dist)
        .env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_ENCODED_RUSTFLAGS", of_rust.join("\u{1f}"))
        .env("CFLAGS", of_c.join(" "))
        .env("PHOENIX_REVISION", &origin.commit)
        .run()?;
    Ok(folder.join(Profile::Dist.folder()))
}

/// Builds what packages are checked with, and returns the folder with the programs.
pub(super) fn checked(workspace: &Workspace) -> Result<PathBuf> {
    compile(workspace, Profile::Dev).run()?;
    Ok(workspace.target.join(Profile::Dev.folder()))
}

fn compile(workspace: &Workspace, profile: Profile) -> Program {
    let packages = PACKAGES.map(|name| format!("--package={name}"));
    workspace.cargo(&["build", "--quiet", "--profile", profile.name()]).args(packages)
}
