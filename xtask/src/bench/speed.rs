//! Builds the programs and the load generator that is called `speed`, and has it play a scene.

use std::path::{self, PathBuf};
use std::{fs, iter};

use anyhow::{Context as _, Result};

use crate::process::Program;
use crate::tools;
use crate::workspace::Workspace;

use super::rows::Rows;

/// What is built and installed for scenes.
pub(super) struct Speed {
    pub(super) server: PathBuf,
    folder: PathBuf,
}

impl Speed {
    /// Builds `phoenix`, the worker and the monitor as they ship, but for what takes long to build.
    pub(super) fn build(workspace: &Workspace) -> Result<Self> {
        let server = path::absolute(tools::NATS_SERVER.ensure(workspace)?)?;
        let packages = ["phoenix-worker", "phoenix-health-monitor", "phoenix"];
        let packages = packages.into_iter().flat_map(|package| ["--package", package]);
        workspace.cargo(&["build", "--quiet", "--release"]).args(packages).run()?;
        Ok(Self { server, folder: path::absolute(workspace.target.join("release"))? })
    }

    /// Plays a scene, and returns what it noted.
    pub(super) fn play(
        &self,
        workspace: &Workspace,
        scene: &str,
        words: &[String],
    ) -> Result<Rows> {
        let package = ["--package", "phoenix-tests", "--bench", "speed"];
        let programs = ["phoenix-worker", "phoenix", "phoenix-health-monitor"];
        let programs = iter::once(self.server.clone())
            .chain(programs.into_iter().map(|program| self.folder.join(program)));
        bench(workspace, scene, &package, |program| program.arg(scene).args(programs).args(words))
    }
}

/// Has cargo build and run a bench, and returns what it noted.
pub(super) fn bench(
    workspace: &Workspace,
    name: &str,
    package: &[&str],
    words: impl FnOnce(Program) -> Program,
) -> Result<Rows> {
    let folder = path::absolute(workspace.target.join("bench"))?;
    let samples = folder.join(format!("{name}.samples"));
    // What an earlier run has noted is not what this one finds.
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&samples, ""))
        .with_context(|| format!("cannot write {}", samples.display()))?;
    let cargo = workspace.cargo(&["bench", "--quiet", "--profile", "release"]).args(package);
    words(cargo.arg("--")).arg(format!("samples={}", samples.display())).run()?;
    let noted = fs::read_to_string(&samples)
        .with_context(|| format!("cannot read {}", samples.display()))?;
    Rows::read(name, &noted)
}
