//! `cargo xtask feature test NAME`: one feature in a real container, as its standard says.

use std::ffi::OsString;
use std::path::{self, Path};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::debian;
use crate::process::Program;
use crate::tools;
use crate::workspace::Workspace;

#[derive(Subcommand)]
pub(crate) enum Feature {
    /// Install it in a container, look at it, install it again, break it and mend it
    Test(Test),
}

#[derive(Args)]
pub(crate) struct Test {
    /// The folder of the feature below features/
    name: String,
}

impl Feature {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Test(test) => test.run(workspace),
        }
    }
}

impl Test {
    fn run(&self, workspace: &Workspace) -> Result<()> {
        let folder = Path::new("features").join(&self.name);
        if !folder.join("feature.json").is_file() {
            bail!("there is no feature in {}", folder.display());
        }
        tools::SHELLCHECK.ensure(workspace)?;
        let scripts = ["install.sh", "check.sh", "test/break.sh"].map(|name| folder.join(name));
        let scripts = scripts.iter().filter(|path| path.is_file()).map(OsString::from);
        Program::new("shellcheck").arg("-x").args(scripts).run()?;
        tools::NEXTEST.ensure(workspace)?;
        let archive = path::absolute(debian::archive(workspace)?)?;
        workspace
            .cargo(&["nextest", "run", "--package", "phoenix-engine", "--test", "features"])
            .arg(&self.name)
            .env("PHOENIX_DEBIAN_ARCHIVE", archive)
            .run()
    }
}
