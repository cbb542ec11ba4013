//! `cargo xtask feature test NAME`: one feature in a real container, as its standard says. It installs
//! what `phoenix feature test` asks for, and runs that.

use std::path::Path;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use crate::debian;
use crate::process::Program;
use crate::tools;
use crate::workspace::{Profile, Workspace};

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
        let archive = debian::archive(workspace)?;
        Program::new(workspace.phoenix(Profile::Dev)?)
            .args(["feature", "test", &self.name, "--features", "features", "--archive"])
            .arg(archive)
            .run()
    }
}
