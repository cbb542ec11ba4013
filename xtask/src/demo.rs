//! `cargo xtask demo`: the shortest way to see what Phoenix does.

use anyhow::Result;
use clap::Args;

use crate::process::Program;
use crate::say::say;
use crate::workspace::{Profile, Workspace};

/// The example fleet, and the guest of it whose plan is worth reading.
const FLEET: &str = "examples/quickstart";
const GUEST: &str = "950";

#[derive(Args)]
pub(crate) struct Demo {
    /// End when everything was shown; for CI (today the demo always does)
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let phoenix = workspace.phoenix(Profile::Dev)?;
        for words in [&["check"][..], &["plan", GUEST]] {
            say("");
            Program::new(&phoenix).args(words).args(["--config", FLEET]).run()?;
        }
        if !self.once {
            say(next(&phoenix.to_string_lossy()));
        }
        Ok(())
    }
}

/// What to try next: something that shows, something to break, and the way on.
fn next(phoenix: &str) -> String {
    format!(
        "
Next:
  {phoenix} config show {GUEST} --config {FLEET}   where each value comes from
  break a value in {FLEET}/phoenix_lxc_configs.json and run the check again
  {phoenix} check --config DIR                         your own files
  {phoenix} --help                                     everything else"
    )
}
